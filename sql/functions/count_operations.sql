-- How many operations the session may see: exact, counted in the hub's small index of tenants.
CREATE OR REPLACE FUNCTION script_tracking.count_operations() RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET max_parallel_workers_per_gather = 0  -- workers take longer to start than to help
AS $$
DECLARE
    v_tenants bytea[] := script_tracking.visible_tenants();
    v_sees_system boolean := script_tracking.sees_system();
BEGIN
    RETURN (SELECT count(*) FROM script_tracking.script_execution_h WHERE tenant_hk = ANY (v_tenants))
        + CASE WHEN v_sees_system
            THEN (SELECT count(*) FROM script_tracking.script_execution_h WHERE tenant_hk IS NULL) ELSE 0 END;
END
$$;

CALL script_tracking.allow('script_tracking.count_operations()');
