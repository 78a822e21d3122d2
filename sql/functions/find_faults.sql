-- Every breach of a rule in the rows that the session may see: hashes recomputed, chains of versions followed.
CREATE OR REPLACE FUNCTION script_tracking.find_faults()
RETURNS TABLE (fault text, script_execution_hk bytea, load_date timestamptz, reason text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT f.fault, v.script_execution_hk, v.load_date, f.reason
    FROM (
        SELECT s.*, script_tracking.calculate_hash_diff(s) AS computed, h.script_execution_hk AS hub_hk,
            h.tenant_hk AS hub_tenant_hk, lead(s.load_date) OVER chain AS next_load_date,
            first_value(s) OVER chain AS first
        FROM script_tracking.script_execution_s s
        LEFT JOIN script_tracking.script_execution_h h USING (script_execution_hk)
        WINDOW chain AS (PARTITION BY s.script_execution_hk ORDER BY s.load_date)
    ) AS v
    CROSS JOIN LATERAL (VALUES
        ('ORPHAN_VERSION', v.hub_hk IS NULL, 'its hub is missing'),
        ('HASH_MISMATCH', v.hash_diff IS DISTINCT FROM v.computed, format('hash_diff is %s, its content has %s',
            encode(v.hash_diff, 'hex'), encode(v.computed, 'hex'))),
        ('OTHER', v.hub_hk IS NOT NULL AND v.tenant_hk IS DISTINCT FROM v.hub_tenant_hk, 'its tenant is not that of its hub'),
        ('OTHER', (v.script_name, v.script_type, v.execution_timestamp)
            IS DISTINCT FROM ((v.first).script_name, (v.first).script_type, (v.first).execution_timestamp),
            'its name, type or time differs from that of its operation'),
        ('OTHER', v.load_end_date <> v.next_load_date, 'its end is not the load date of the next version'),
        ('OTHER', v.load_end_date IS NOT NULL AND v.next_load_date IS NULL, 'it was closed, and no version follows'),
        ('OTHER', v.execution_status <> 'RUNNING' AND v.next_load_date IS NOT NULL, 'it had ended, and another version follows')
    ) AS f (fault, found, reason)
    WHERE f.found
    UNION ALL
    SELECT f.fault, o.script_execution_hk, NULL, f.reason
    FROM (
        SELECT h.script_execution_hk, h.script_execution_bk,
            (SELECT count(*) FROM script_tracking.script_execution_s s
             WHERE s.script_execution_hk = h.script_execution_hk AND s.load_end_date IS NULL) AS open
        FROM script_tracking.script_execution_h h
    ) AS o
    CROSS JOIN LATERAL (VALUES
        ('OPEN_VERSIONS', o.open <> 1, format('it has %s open versions, not 1', o.open)),
        ('HASH_MISMATCH', o.script_execution_hk <> sha256(convert_to(o.script_execution_bk, 'UTF8')),
            'its key is not the hash of its business key')
    ) AS f (fault, found, reason)
    WHERE f.found;
END
$$;

CALL script_tracking.allow('script_tracking.find_faults()', 'script_tracking_reader');
