-- Registers a user, where the site has no auth.register_user of its own. What is wrong is an answer, not an error, so
-- that it can be recorded.
CREATE OR REPLACE FUNCTION script_tracking.register_user(p_user_data jsonb) RETURNS jsonb
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
        PERFORM script_tracking.check_user_data(p_user_data);
        v_user_hk := script_tracking.calculate_user_key(
            script_tracking.calculate_hash_key(p_user_data->>'tenant_id'), p_user_data->>'email');
        v_answer := script_tracking.add_user(p_user_data);
    EXCEPTION
        WHEN string_data_right_truncation OR null_value_not_allowed OR invalid_parameter_value OR unique_violation
             OR insufficient_privilege OR undefined_function THEN
            GET STACKED DIAGNOSTICS v_code = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT, v_hint = PG_EXCEPTION_HINT;
            v_answer := jsonb_build_object('error_code', v_code, 'error_message', v_message, 'suggestion', v_hint);
    END;
    v_answer := script_tracking.record_authentication('User registration', v_started, v_user_hk, v_answer);
    PERFORM set_config('script_tracking.tenant_hk', v_chosen, true);
    RETURN v_answer;
END
$$;

CALL script_tracking.allow('script_tracking.register_user(jsonb)', 'script_tracking_writer');
