-- An error as data: the one shape of all jsonb answers, with the suggestions that the Rust core gives for the same code.
CREATE OR REPLACE FUNCTION script_tracking.error_response(
    p_error_code text, p_error_message text, p_operation_hk bytea DEFAULT NULL, p_suggestion text DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_suggestions text[] := CASE
        WHEN p_suggestion <> '' THEN ARRAY[p_suggestion]
        WHEN p_error_code = '23505' THEN ARRAY['Retry operation', 'Check for concurrent operations']
        WHEN p_error_code = '42883' THEN ARRAY['Install what the message names']
        WHEN p_error_code = '42501' THEN ARRAY['Ask an administrator for the right that the message names']
        WHEN p_error_code IN ('22001', '22004', '22023', '22P02') THEN ARRAY['Correct the value that the message names']
        ELSE '{}' END;
BEGIN
    RETURN jsonb_build_object('success', false, 'error_code', p_error_code, 'error_message', p_error_message,
        'details', jsonb_build_object('operation_id', encode(p_operation_hk, 'hex'),
            'timestamp', script_tracking.utc_text(clock_timestamp()), 'suggestions', to_jsonb(v_suggestions)));
END
$$;

CALL script_tracking.allow('script_tracking.error_response(text, text, bytea, text)', 'script_tracking_reader');
