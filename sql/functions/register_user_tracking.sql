-- Registers a user and records the outcome, by the site's own auth.register_user where there is one.
CREATE OR REPLACE FUNCTION auth.register_user_tracking(p_user_data jsonb) RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_site text := script_tracking.site_function('auth.register_user(jsonb)');
    v_tenant_id text := p_user_data->>'tenant_id';
BEGIN
    IF v_site IS NULL THEN
        RETURN script_tracking.register_user(p_user_data);
    END IF;
    RETURN script_tracking.wrap_site_function('User registration', format('SELECT %s($4)', v_site), p_user_data->>'email',
        CASE WHEN length(v_tenant_id) <= 255 THEN script_tracking.calculate_hash_key(v_tenant_id) END, NULL, p_user_data);
END
$$;

CALL script_tracking.allow('auth.register_user_tracking(jsonb)', 'script_tracking_writer');
