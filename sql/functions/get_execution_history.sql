-- One row an operation of the last days, newest first.
CREATE OR REPLACE FUNCTION script_tracking.get_execution_history(p_days integer DEFAULT 7)
RETURNS TABLE (script_name varchar(255), script_type varchar(50), execution_status varchar(20), execution_timestamp timestamptz,
    execution_duration_ms integer, db_session_user varchar(100), affected_objects text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT * FROM script_tracking.execution_history_at(clock_timestamp(), p_days);
END
$$;

CALL script_tracking.allow('script_tracking.get_execution_history(integer)', 'script_tracking_reader');
