-- Conditions on tenant_hk, one of which each row of a scope fulfils, where $1 are the tenants given beside. Row security
-- is no index condition, so tenants are named.
CREATE OR REPLACE FUNCTION script_tracking.store_tenants(
    p_all boolean, p_tenant_hk bytea, OUT tenants bytea[], OUT conditions text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_all THEN
        tenants := script_tracking.visible_tenants();
        conditions := CASE WHEN script_tracking.sees_system() THEN ARRAY['= ANY ($1)', 'IS NULL'] ELSE ARRAY['= ANY ($1)'] END;
    ELSIF p_tenant_hk IS NULL THEN
        tenants := '{}';
        conditions := ARRAY['IS NULL'];
    ELSE
        tenants := ARRAY[p_tenant_hk];
        conditions := ARRAY['= ANY ($1)'];
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.store_tenants(boolean, bytea)');
