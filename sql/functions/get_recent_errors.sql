-- The operations of the last hours that failed, newest first.
CREATE OR REPLACE FUNCTION script_tracking.get_recent_errors(p_hours integer DEFAULT 24)
RETURNS TABLE (script_name varchar(255), error_message text, execution_timestamp timestamptz, db_session_user varchar(100),
    client_ip inet, affected_objects text[], metadata jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT * FROM script_tracking.recent_errors_at(clock_timestamp(), p_hours);
END
$$;

CALL script_tracking.allow('script_tracking.get_recent_errors(integer)', 'script_tracking_reader');
