-- Ends a binding or a trust; returns whether there was one. The role may be gone already.
CREATE OR REPLACE FUNCTION script_tracking.unbind_login(p_login name) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_login IS NULL THEN
        RAISE EXCEPTION 'p_login must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    DELETE FROM script_tracking.login_binding WHERE login = p_login;
    RETURN FOUND;
END
$$;

CALL script_tracking.allow('script_tracking.unbind_login(name)', 'script_tracking_admin');
