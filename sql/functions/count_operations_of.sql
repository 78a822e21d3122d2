-- How many operations a tenant has (NULL: the system), as far as the session sees them: what operation_count has, and what came since.
CREATE OR REPLACE FUNCTION script_tracking.count_operations_of(p_tenant_hk bytea) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v script_tracking.operation_count;
BEGIN
    SELECT * INTO v FROM script_tracking.operation_count c
    WHERE coalesce(c.tenant_hk, '') = coalesce(p_tenant_hk, '')
        AND c.system_identifier = (SELECT system_identifier FROM pg_control_system());
    RETURN coalesce(v.operations, 0)
        + script_tracking.count_since(p_tenant_hk, coalesce(v.horizon, '0'), coalesce(v.pending, '{}'));
END
$$;

CALL script_tracking.allow('script_tracking.count_operations_of(bytea)');
