-- How many operations the session may see: exact. What operation_count has, and what came since.
CREATE OR REPLACE FUNCTION script_tracking.count_operations() RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_system_identifier bigint := (SELECT system_identifier FROM pg_control_system());
BEGIN
    RETURN (
        SELECT coalesce(sum(coalesce(c.operations, 0)
            + script_tracking.count_since(t, coalesce(c.horizon, '0'), coalesce(c.pending, '{}'))), 0)
        FROM script_tracking.each_tenant() AS t
        LEFT JOIN script_tracking.operation_count c
            ON coalesce(c.tenant_hk, '') = coalesce(t, '') AND c.system_identifier = v_system_identifier);
END
$$;

CALL script_tracking.allow('script_tracking.count_operations()');
