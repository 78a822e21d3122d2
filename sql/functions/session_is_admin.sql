-- Whether this session's login sees every tenant's rows. Where the roles could not be created, the installer does.
CREATE OR REPLACE FUNCTION script_tracking.session_is_admin() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN coalesce(pg_has_role(session_user, to_regrole('script_tracking_admin')::oid, 'MEMBER'), false)
        OR session_user = current_user;
END
$$;

CALL script_tracking.allow('script_tracking.session_is_admin()', 'script_tracking_reader');
