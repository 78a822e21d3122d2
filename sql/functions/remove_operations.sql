-- Removes operations whole, and takes them out of the counts they are in; returns how many there were. Whatever deletes from the hub
-- does it here, or operation_count is wrong.
CREATE OR REPLACE FUNCTION script_tracking.remove_operations(p_execution_hks bytea[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_removed integer;
BEGIN
    -- In one order, or two that remove could wait for each other. Locked before anything goes: no fold counts it then.
    PERFORM script_tracking.lock_operation_count(t.tenant_hk, true)
    FROM (SELECT DISTINCT h.tenant_hk FROM script_tracking.script_execution_h h
          WHERE h.script_execution_hk = ANY (p_execution_hks) ORDER BY 1) AS t;
    DELETE FROM script_tracking.idempotency_key k WHERE k.script_execution_hk = ANY (p_execution_hks);
    DELETE FROM script_tracking.script_execution_s s WHERE s.script_execution_hk = ANY (p_execution_hks);
    WITH gone AS (
        DELETE FROM script_tracking.script_execution_h h WHERE h.script_execution_hk = ANY (p_execution_hks)
        RETURNING h.tenant_hk, h.log_xid
    ), counted AS (
        UPDATE script_tracking.operation_count c
        SET operations = c.operations - (SELECT count(*) FROM gone g
            WHERE g.tenant_hk IS NOT DISTINCT FROM c.tenant_hk AND g.log_xid < c.horizon AND g.log_xid <> ALL (c.pending))
        WHERE coalesce(c.tenant_hk, '') IN (SELECT coalesce(g.tenant_hk, '') FROM gone g)
    )
    SELECT count(*) INTO v_removed FROM gone;
    RETURN v_removed;
END
$$;

CALL script_tracking.allow('script_tracking.remove_operations(bytea[])');
