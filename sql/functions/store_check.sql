-- Keeps what a verify found that ran outside of the server; true, or false when this unit brought it before.
CREATE OR REPLACE FUNCTION script_tracking.store_check(
    p_unit_id uuid, p_at timestamptz, p_orphan_versions bigint, p_open_versions bigint, p_hash_mismatches bigint, p_other bigint)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM script_tracking.store_scope(false, NULL);
    PERFORM pg_advisory_xact_lock(hashtextextended('opledger unit ' || p_unit_id, 0));
    IF EXISTS (SELECT FROM script_tracking.verification v WHERE v.unit_id = p_unit_id) THEN
        RETURN false;
    END IF;
    INSERT INTO script_tracking.verification (verified_at, sees_all, operations, versions, orphan_versions, open_versions,
        hash_mismatches, other, tenant_hk, unit_id)
    VALUES (p_at, script_tracking.session_is_admin(), script_tracking.count_operations(),
        (SELECT count(*) FROM script_tracking.script_execution_s), p_orphan_versions, p_open_versions, p_hash_mismatches,
        p_other, NULL, p_unit_id);
    RETURN true;
END
$$;

CALL script_tracking.allow('script_tracking.store_check(uuid, timestamptz, bigint, bigint, bigint, bigint)', 'script_tracking_writer');
