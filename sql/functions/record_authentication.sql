-- Records a login or registration, its outcome only, and completes the answer with the operation's key. The texts of
-- answers are constant: nothing that a user typed is in them, and of the e-mail the operation holds the user's hash key.
CREATE OR REPLACE FUNCTION script_tracking.record_authentication(
    p_script_name text, p_started timestamptz, p_user_hk bytea, p_answer jsonb)
RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_success boolean := p_answer->>'error_code' IS NULL;
    v_operation_hk bytea := script_tracking.write_finished(p_script_name, 'AUTHENTICATION', p_started,
        script_tracking.milliseconds(p_started, clock_timestamp()), v_success, p_answer->>'error_message', NULL, NULL,
        jsonb_strip_nulls(jsonb_build_object('user_hk', encode(p_user_hk, 'hex'), 'error_code', p_answer->>'error_code')),
        'record_authentication');
BEGIN
    IF v_success THEN
        RETURN script_tracking.success_response(p_answer, v_operation_hk);
    END IF;
    RETURN script_tracking.error_response(p_answer->>'error_code', p_answer->>'error_message', v_operation_hk,
        p_answer->>'suggestion');
END
$$;

CALL script_tracking.allow('script_tracking.record_authentication(text, timestamptz, bytea, jsonb)');
