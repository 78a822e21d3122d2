-- Recomputes every hash and checks every rule on the rows that the session may see; returns what breaks one, and keeps
-- the counts for get_system_health.
CREATE OR REPLACE FUNCTION script_tracking.verify()
RETURNS TABLE (fault text, script_execution_hk bytea, load_date timestamptz, reason text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_counts bigint[] := '{0,0,0,0}';
    v_at timestamptz := clock_timestamp();
BEGIN
    FOR fault, script_execution_hk, load_date, reason IN SELECT * FROM script_tracking.find_faults() LOOP
        CASE fault
            WHEN 'ORPHAN_VERSION' THEN v_counts[1] := v_counts[1] + 1;
            WHEN 'OPEN_VERSIONS' THEN v_counts[2] := v_counts[2] + 1;
            WHEN 'HASH_MISMATCH' THEN v_counts[3] := v_counts[3] + 1;
            ELSE v_counts[4] := v_counts[4] + 1;
        END CASE;
        RETURN NEXT;
    END LOOP;
    INSERT INTO script_tracking.verification (verified_at, sees_all, operations, versions, orphan_versions, open_versions,
        hash_mismatches, other, tenant_hk)
    VALUES (v_at, script_tracking.session_is_admin(), (SELECT count(*) FROM script_tracking.script_execution_h),
        (SELECT count(*) FROM script_tracking.script_execution_s), v_counts[1], v_counts[2], v_counts[3], v_counts[4],
        script_tracking.session_tenant());
    -- A superuser's own DELETE is in no count.
    PERFORM script_tracking.fold_operation_count(t.tenant_hk, true)
    FROM (SELECT script_tracking.each_tenant() UNION SELECT c.tenant_hk FROM script_tracking.operation_count c ORDER BY 1) AS t (tenant_hk);
END
$$;

CALL script_tracking.allow('script_tracking.verify()', 'script_tracking_writer');
