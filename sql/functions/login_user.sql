-- Logs a user in, where the site has no auth.login_user of its own. A failure is an answer, not an error: an error would
-- undo the attempt that lock-out counts.
CREATE OR REPLACE FUNCTION script_tracking.login_user(p_email varchar(255), p_password varchar(255), p_tenant_hk bytea)
RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_started timestamptz := clock_timestamp();
    v_chosen text := coalesce(current_setting('script_tracking.tenant_hk', true), '');
    v_user_hk bytea;
    v_code text;
    v_message text;
    v_hint text;
    v_answer jsonb;
BEGIN
    BEGIN
        PERFORM script_tracking.check_login(p_email, p_password), script_tracking.choose_tenant(p_tenant_hk);
        v_user_hk := script_tracking.calculate_user_key(p_tenant_hk, p_email);
        v_answer := script_tracking.attempt_login(v_user_hk, p_password, p_tenant_hk);
    EXCEPTION
        WHEN string_data_right_truncation OR null_value_not_allowed OR invalid_parameter_value
             OR insufficient_privilege OR undefined_function THEN
            GET STACKED DIAGNOSTICS v_code = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT, v_hint = PG_EXCEPTION_HINT;
            v_answer := jsonb_build_object('error_code', v_code, 'error_message', v_message, 'suggestion', v_hint);
    END;
    v_answer := script_tracking.record_authentication('User login', v_started, v_user_hk, v_answer);
    PERFORM set_config('script_tracking.tenant_hk', v_chosen, true);
    RETURN v_answer;
END
$$;

CALL script_tracking.allow('script_tracking.login_user(varchar, varchar, bytea)', 'script_tracking_writer');
