-- Removes operations of one tenant by name, whatever their state, and puts the document that says so: all, or nothing.
CREATE OR REPLACE FUNCTION script_tracking.store_remove(
    p_tenant_hk bytea, p_keys bytea[], p_expect_load_dates timestamptz[], p_expect_hash_diffs bytea[],
    p_unit uuid, p_kind text, p_keeps_versions boolean, p_key bytea, p_load_date timestamptz, p_hash_diff bytea, p_body text,
    p_source text, p_expect_hash_diff bytea, OUT outcome text, OUT theirs bytea)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- The record tells whether this was done before.
    SELECT j.outcome, j.theirs INTO outcome, theirs FROM script_tracking.store_judge_put(p_tenant_hk, p_unit, p_kind, p_key, p_load_date,
        p_hash_diff, p_expect_hash_diff) j;
    IF outcome <> 'done' THEN
        RETURN;
    END IF;
    -- Locked first, then looked at by a statement that sees what the lock waited for.
    PERFORM FROM script_tracking.script_execution_s s WHERE s.script_execution_hk = ANY (p_keys)
        ORDER BY s.script_execution_hk, s.load_date FOR UPDATE;
    outcome := (
        SELECT CASE WHEN s.script_execution_hk IS NULL THEN 'unknown' ELSE 'moved' END
        FROM unnest(p_keys, p_expect_load_dates, p_expect_hash_diffs) WITH ORDINALITY AS g (hk, load_date, hash_diff, place)
        LEFT JOIN script_tracking.script_execution_s s ON s.script_execution_hk = g.hk AND s.load_end_date IS NULL
            AND s.tenant_hk IS NOT DISTINCT FROM p_tenant_hk
        WHERE (s.load_date, s.hash_diff) IS DISTINCT FROM (g.load_date, g.hash_diff)
        ORDER BY g.place LIMIT 1);
    IF outcome IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT d.outcome, d.theirs INTO outcome, theirs FROM script_tracking.store_put(p_tenant_hk, p_unit, p_kind, p_keeps_versions, p_key,
        p_load_date, p_hash_diff, p_body, p_source, p_expect_hash_diff) d;
    IF outcome = 'done' THEN
        PERFORM script_tracking.store_delete(p_keys);
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.store_remove(bytea, bytea[], timestamptz[], bytea[], uuid, text, boolean, bytea, '
    'timestamptz, bytea, text, text, bytea)', 'script_tracking_writer');
