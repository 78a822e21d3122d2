-- The tenant that this session works for; NULL for the system. Decided by the login, as in put_tenant_policy.
CREATE OR REPLACE FUNCTION script_tracking.session_tenant() RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT CASE WHEN b.trusted THEN script_tracking.chosen_tenant() ELSE b.tenant_hk END
            FROM script_tracking.login_binding b WHERE b.login = session_user);
END
$$;

CALL script_tracking.allow('script_tracking.session_tenant()', 'script_tracking_reader');
