-- The tenants whose operations the session may see, for reports: row security alone would not let them use an index.
-- An admin sees all; a loose scan of the hub's index finds them, one probe a tenant.
CREATE OR REPLACE FUNCTION script_tracking.visible_tenants() RETURNS bytea[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenants bytea[] := '{}';
    v_tenant_hk bytea := script_tracking.session_tenant();
BEGIN
    IF NOT script_tracking.session_is_admin() THEN
        RETURN array_remove(ARRAY[v_tenant_hk], NULL);
    END IF;
    v_tenant_hk := '';
    LOOP
        SELECT tenant_hk INTO v_tenant_hk FROM script_tracking.script_execution_h
        WHERE tenant_hk > v_tenant_hk ORDER BY tenant_hk LIMIT 1;
        EXIT WHEN NOT FOUND;
        v_tenants := v_tenants || v_tenant_hk;
    END LOOP;
    RETURN v_tenants;
END
$$;

CALL script_tracking.allow('script_tracking.visible_tenants()');
