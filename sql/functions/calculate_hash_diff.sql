-- What a version's hash_diff must be: any reader can audit the satellite with it.
CREATE OR REPLACE FUNCTION script_tracking.calculate_hash_diff(s script_tracking.script_execution_s) RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN script_tracking.hash_attributes(s.script_name, s.script_type, s.execution_status, s.execution_timestamp,
        s.execution_duration_ms, s.db_session_user, s.client_ip, s.affected_objects, s.sql_command, s.error_message,
        s.metadata);
END
$$;

CALL script_tracking.allow('script_tracking.calculate_hash_diff(script_tracking.script_execution_s)', 'script_tracking_reader');
