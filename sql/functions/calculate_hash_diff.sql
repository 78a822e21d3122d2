-- What a version's hash_diff must be. The text is PostgreSQL's own form of jsonb, which the Rust core prints too.
CREATE OR REPLACE FUNCTION script_tracking.calculate_hash_diff(s script_tracking.script_execution_s) RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN sha256(convert_to(jsonb_build_array('v1', s.script_name, s.script_type, s.execution_status,
        (extract(epoch FROM s.execution_timestamp) * 1000000)::bigint, s.execution_duration_ms, s.db_session_user,
        host(s.client_ip), to_jsonb(s.affected_objects), s.sql_command, s.error_message, s.metadata)::text, 'UTF8'));
END
$$;

CALL script_tracking.allow('script_tracking.calculate_hash_diff(script_tracking.script_execution_s)', 'script_tracking_reader');
