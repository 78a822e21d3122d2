-- Records an operation that has ended, in one call. Without a time it ended now; without a duration the times tell.
CREATE OR REPLACE FUNCTION script_tracking.record_operation(
    p_script_name varchar(255), p_script_type varchar(50) DEFAULT 'MANUAL', p_execution_timestamp timestamptz DEFAULT NULL,
    p_duration_ms integer DEFAULT NULL, p_success boolean DEFAULT true, p_error_message text DEFAULT NULL,
    p_affected_objects text[] DEFAULT NULL, p_sql_command text DEFAULT NULL, p_metadata jsonb DEFAULT NULL,
    p_idempotency_key text DEFAULT NULL)
RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_business_key text;
    v_earlier_hk bytea;
BEGIN
    IF p_success IS NULL THEN
        RAISE EXCEPTION 'p_success must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF p_duration_ms < 0 THEN
        RAISE EXCEPTION 'p_duration_ms must not be negative, as % is', p_duration_ms
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF NOT isfinite(p_execution_timestamp) THEN
        RAISE EXCEPTION 'p_execution_timestamp must be finite' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF p_idempotency_key IS NOT NULL THEN
        PERFORM script_tracking.check_name(p_script_name, p_script_type);
        v_business_key := script_tracking.business_key(p_script_name, coalesce(p_execution_timestamp, clock_timestamp()));
        v_earlier_hk := script_tracking.claim_key(p_idempotency_key,
            jsonb_build_array('record', p_script_name, p_script_type, extract(epoch FROM p_execution_timestamp), p_duration_ms,
                p_success, p_error_message, to_jsonb(p_affected_objects), p_sql_command, p_metadata),
            sha256(convert_to(v_business_key, 'UTF8')));
        IF v_earlier_hk IS NOT NULL THEN
            RETURN v_earlier_hk;
        END IF;
    END IF;
    RETURN script_tracking.write_finished(p_script_name, p_script_type, p_execution_timestamp, p_duration_ms, p_success,
        p_error_message, p_affected_objects, p_sql_command, p_metadata, 'sql', v_business_key);
END
$$;

CALL script_tracking.allow('script_tracking.record_operation(varchar, varchar, timestamptz, integer, boolean, text, text[], '
    'text, jsonb, text)', 'script_tracking_writer');
