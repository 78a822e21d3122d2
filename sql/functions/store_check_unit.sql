-- Refuses a unit whose hashes are not those of its content, or that breaks a limit: says which one.
CREATE OR REPLACE FUNCTION script_tracking.store_check_unit(
    p_key bytea, p_business_key text, p_hub_source text, p_hash_diff bytea, p_name text, p_type text, p_status text,
    p_started timestamptz, p_duration integer, p_user text, p_address inet, p_objects text[], p_sql_command text,
    p_error_message text, p_metadata jsonb, p_source text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_computed bytea;
BEGIN
    PERFORM script_tracking.check_name(p_name, p_type), script_tracking.check_objects(p_objects),
        script_tracking.check_text('sql_command', p_sql_command), script_tracking.check_text('error_message', p_error_message),
        script_tracking.check_metadata(p_metadata);
    IF length(p_business_key) > 255 OR length(p_source) > 100 OR length(p_hub_source) > 100 OR length(p_user) > 100 THEN
        RAISE EXCEPTION '% is too long; the limit is % characters',
            CASE WHEN length(p_business_key) > 255 THEN 'script_execution_bk' WHEN length(p_user) > 100 THEN 'db_session_user'
                ELSE 'record_source' END, CASE WHEN length(p_business_key) > 255 THEN 255 ELSE 100 END
            USING ERRCODE = 'string_data_right_truncation';
    END IF;
    IF (p_status IN ('RUNNING', 'COMPLETED', 'FAILED')) IS NOT TRUE OR p_source IS NULL OR p_started IS NULL OR p_duration < 0 THEN
        RAISE EXCEPTION 'execution_status must be RUNNING, COMPLETED or FAILED, execution_duration_ms not negative, '
            'execution_timestamp and record_source not NULL' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF p_business_key IS NOT NULL AND p_key IS DISTINCT FROM sha256(convert_to(p_business_key, 'UTF8')) THEN
        RAISE EXCEPTION 'script_execution_hk % is not the hash of its business key, %', encode(p_key, 'hex'),
            encode(sha256(convert_to(p_business_key, 'UTF8')), 'hex') USING ERRCODE = 'invalid_parameter_value';
    END IF;
    v_computed := script_tracking.hash_attributes(p_name, p_type, p_status, p_started, p_duration, p_user, p_address, p_objects,
        p_sql_command, p_error_message, p_metadata);
    IF p_hash_diff IS DISTINCT FROM v_computed THEN
        RAISE EXCEPTION 'operation %: hash_diff % is not the hash of its content, %', encode(p_key, 'hex'),
            encode(p_hash_diff, 'hex'), encode(v_computed, 'hex') USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.store_check_unit(bytea, text, text, bytea, text, text, text, timestamptz, integer, text, '
    'inet, text[], text, text, jsonb, text)');
