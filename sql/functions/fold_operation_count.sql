-- Counts what came since the last time into operation_count, for the session's tenant or for one that an admin names; p_anew: all
-- of it. True when done. Writers call it once in ten thousand starts, so it waits for nobody: false when another is at it, and
-- above READ COMMITTED, where it could fail its caller with 40001.
CREATE OR REPLACE FUNCTION script_tracking.fold_operation_count(
    p_tenant_hk bytea DEFAULT script_tracking.session_tenant(), p_anew boolean DEFAULT false)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v script_tracking.operation_count;
    v_system_identifier bigint := (SELECT system_identifier FROM pg_control_system());
    v_snapshot pg_snapshot;
    v_horizon xid8;
    v_pending xid8[];
BEGIN
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RETURN false;
    END IF;
    v := script_tracking.lock_operation_count(p_tenant_hk, false);
    IF v.system_identifier IS NULL THEN
        RETURN false;
    END IF;
    IF p_anew OR v.system_identifier <> v_system_identifier THEN
        v.operations := 0;
        v.horizon := '0';
        v.pending := '{}';
    END IF;
    -- What had ended at this snapshot adds nothing later, and only who holds the lock removes any. This transaction is not over,
    -- though its own snapshot doesn't say so.
    v_snapshot := pg_current_snapshot();
    v_horizon := pg_snapshot_xmax(v_snapshot);
    v_pending := ARRAY(SELECT x FROM pg_snapshot_xip(v_snapshot) x
                       UNION SELECT pg_current_xact_id() WHERE pg_current_xact_id() < v_horizon);
    v.operations := v.operations + script_tracking.count_since(p_tenant_hk, v.horizon, v.pending, v_horizon, v_pending);
    UPDATE script_tracking.operation_count c
    SET operations = v.operations, horizon = v_horizon, pending = v_pending, system_identifier = v_system_identifier
    WHERE coalesce(c.tenant_hk, '') = coalesce(p_tenant_hk, '');
    RETURN true;
END
$$;

CALL script_tracking.allow('script_tracking.fold_operation_count(bytea, boolean)', 'script_tracking_writer');
