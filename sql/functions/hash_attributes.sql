-- The hash_diff of a version with these attributes: the formula, once. The text is PostgreSQL's own form of jsonb, which
-- the Rust core prints too.
CREATE OR REPLACE FUNCTION script_tracking.hash_attributes(
    p_script_name text, p_script_type text, p_execution_status text, p_execution_timestamp timestamptz,
    p_execution_duration_ms integer, p_db_session_user text, p_client_ip inet, p_affected_objects text[],
    p_sql_command text, p_error_message text, p_metadata jsonb)
RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN sha256(convert_to(jsonb_build_array('v1', p_script_name, p_script_type, p_execution_status,
        (extract(epoch FROM p_execution_timestamp) * 1000000)::bigint, p_execution_duration_ms, p_db_session_user,
        host(p_client_ip), to_jsonb(p_affected_objects), p_sql_command, p_error_message, p_metadata)::text, 'UTF8'));
END
$$;

CALL script_tracking.allow('script_tracking.hash_attributes(text, text, text, timestamptz, integer, text, inet, text[], '
    'text, text, jsonb)', 'script_tracking_reader');
