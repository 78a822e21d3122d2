-- The failed operations as of p_at. Equal times are in descending order of hash key.
CREATE OR REPLACE FUNCTION script_tracking.recent_errors_at(p_at timestamptz, p_hours integer)
RETURNS TABLE (script_name varchar(255), error_message text, execution_timestamp timestamptz, db_session_user varchar(100),
    client_ip inet, affected_objects text[], metadata jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET max_parallel_workers_per_gather = 0
AS $$
DECLARE
    v_after timestamptz := script_tracking.window_start(p_at, 'p_hours', p_hours, 1);
BEGIN
    RETURN QUERY EXECUTE format($query$
        SELECT script_name, error_message, execution_timestamp, db_session_user, client_ip, affected_objects, metadata
        FROM (%s) AS seen ORDER BY execution_timestamp DESC, script_execution_hk DESC $query$,
        script_tracking.seen_rows('*', 'execution_timestamp > $2', ARRAY['execution_status = ''FAILED''']))
    USING script_tracking.visible_tenants(), v_after;
END
$$;

CALL script_tracking.allow('script_tracking.recent_errors_at(timestamptz, integer)', 'script_tracking_reader');
