-- Bytes on disk of hub, satellite and callers' keys, with their indexes.
CREATE OR REPLACE FUNCTION script_tracking.storage_size() RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN pg_total_relation_size('script_tracking.script_execution_h')
        + pg_total_relation_size('script_tracking.script_execution_s')
        + pg_total_relation_size('script_tracking.idempotency_key');
END
$$;

CALL script_tracking.allow('script_tracking.storage_size()');
