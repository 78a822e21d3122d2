-- Calls the site's own function and records what it says of its success. Not SECURITY DEFINER: the site's code runs as
-- the caller, on the search_path that the caller's sessions begin with. Of an error the code is kept, not the text, which
-- may hold what the user typed.
CREATE OR REPLACE FUNCTION script_tracking.wrap_site_function(
    p_script_name text, p_call text, p_email text, p_tenant_hk bytea, p_password text, p_user_data jsonb)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_started timestamptz := clock_timestamp();
    v_chosen text := coalesce(current_setting('script_tracking.tenant_hk', true), '');
    v_user_hk bytea := script_tracking.calculate_user_key(p_tenant_hk, p_email);
    v_path text := (SELECT reset_val FROM pg_settings WHERE name = 'search_path');
    v_answer jsonb;
    v_code text;
    v_success boolean;
    v_operation_hk bytea;
BEGIN
    BEGIN
        PERFORM set_config('search_path', v_path, true);
        EXECUTE p_call INTO v_answer USING p_email::varchar, p_password::varchar, p_tenant_hk, p_user_data;
        PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
        v_code := substring(v_answer->>'error_code' FROM '^[0-9A-Z]{5}$');
    EXCEPTION
        WHEN OTHERS THEN
            v_code := SQLSTATE;
    END;
    v_success := coalesce(v_answer->>'success' = 'true', false);
    IF octet_length(p_tenant_hk) = 32 THEN
        PERFORM set_config('script_tracking.tenant_hk', encode(p_tenant_hk, 'hex'), true);
    END IF;
    v_operation_hk := script_tracking.record_operation(p_script_name, 'AUTHENTICATION', v_started, NULL, v_success,
        CASE WHEN NOT v_success THEN 'refused by the site' || coalesce(', ' || v_code, '') END, NULL, NULL,
        jsonb_strip_nulls(jsonb_build_object('user_hk', encode(v_user_hk, 'hex'),
            'error_code', CASE WHEN NOT v_success THEN v_code END)));
    PERFORM set_config('script_tracking.tenant_hk', v_chosen, true);
    RETURN coalesce(v_answer, script_tracking.error_response(coalesce(v_code, 'P0002'),
        CASE WHEN v_code IS NULL THEN 'the site''s own function returned NULL' ELSE 'the site''s own function failed' END,
        v_operation_hk, 'Call the site''s own function to see why'));
END
$$;

CALL script_tracking.allow('script_tracking.wrap_site_function(text, text, text, bytea, text, jsonb)', 'script_tracking_writer');
