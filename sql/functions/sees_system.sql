-- Whether the session may see rows of no tenant.
CREATE OR REPLACE FUNCTION script_tracking.sees_system() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN script_tracking.session_tenant() IS NULL OR script_tracking.session_is_admin();
END
$$;

CALL script_tracking.allow('script_tracking.sees_system()');
