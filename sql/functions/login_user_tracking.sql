-- Logs a user in and records the outcome, by the site's own auth.login_user where there is one.
CREATE OR REPLACE FUNCTION auth.login_user_tracking(p_email varchar(255), p_password varchar(255), p_tenant_hk bytea)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_site text := script_tracking.site_function('auth.login_user(varchar, varchar, bytea)');
BEGIN
    IF v_site IS NULL THEN
        RETURN script_tracking.login_user(p_email, p_password, p_tenant_hk);
    END IF;
    RETURN script_tracking.wrap_site_function('User login', format('SELECT %s($1, $2, $3)', v_site), p_email, p_tenant_hk,
        p_password, NULL);
END
$$;

CALL script_tracking.allow('auth.login_user_tracking(varchar, varchar, bytea)', 'script_tracking_writer');
