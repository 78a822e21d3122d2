-- The tenants whose operations the session may see, one a row and in order; NULL is the system.
CREATE OR REPLACE FUNCTION script_tracking.each_tenant() RETURNS SETOF bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT unnest(script_tracking.visible_tenants());
    IF script_tracking.sees_system() THEN
        RETURN NEXT NULL;
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.each_tenant()');
