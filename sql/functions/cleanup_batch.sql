-- Removes at most p_limit finished operations that started before p_before; returns how many.
CREATE OR REPLACE FUNCTION script_tracking.cleanup_batch(p_before timestamptz, p_limit integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_old bytea[];
BEGIN
    EXECUTE format('SELECT array_agg(script_execution_hk) FROM (%s LIMIT $3) AS seen', script_tracking.seen_rows(
        'script_execution_hk', 'execution_timestamp < $2', ARRAY['execution_status <> ''RUNNING''']))
    INTO v_old USING script_tracking.visible_tenants(), p_before, p_limit;
    RETURN script_tracking.remove_operations(v_old);
END
$$;

CALL script_tracking.allow('script_tracking.cleanup_batch(timestamptz, integer)');
