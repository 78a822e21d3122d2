-- Removes operations with all that belongs to them.
CREATE OR REPLACE FUNCTION script_tracking.store_delete(p_keys bytea[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM script_tracking.idempotency_key k WHERE k.script_execution_hk = ANY (p_keys);
    DELETE FROM script_tracking.script_execution_s s WHERE s.script_execution_hk = ANY (p_keys);
    DELETE FROM script_tracking.script_execution_h h WHERE h.script_execution_hk = ANY (p_keys);
END
$$;

CALL script_tracking.allow('script_tracking.store_delete(bytea[])');
