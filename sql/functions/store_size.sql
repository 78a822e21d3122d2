-- Bytes on disk, for a store.
CREATE OR REPLACE FUNCTION script_tracking.store_size() RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN script_tracking.storage_size() + pg_total_relation_size('script_tracking.document_s');
END
$$;

CALL script_tracking.allow('script_tracking.store_size()', 'script_tracking_reader');
