-- The history as of p_at. Equal times are in descending order of hash key.
CREATE OR REPLACE FUNCTION script_tracking.execution_history_at(p_at timestamptz, p_days integer)
RETURNS TABLE (script_name varchar(255), script_type varchar(50), execution_status varchar(20), execution_timestamp timestamptz,
    execution_duration_ms integer, db_session_user varchar(100), affected_objects text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET max_parallel_workers_per_gather = 0
AS $$
DECLARE
    v_after timestamptz := script_tracking.window_start(p_at, 'p_days', p_days, 24);
BEGIN
    RETURN QUERY EXECUTE format($query$
        SELECT script_name, script_type, execution_status, execution_timestamp, execution_duration_ms, db_session_user,
            affected_objects
        FROM (%s) AS seen ORDER BY execution_timestamp DESC, script_execution_hk DESC $query$,
        script_tracking.seen_rows('*', 'execution_timestamp > $2', ARRAY['execution_status <> ''RUNNING''',
            'execution_status = ''RUNNING'' AND load_end_date IS NULL']))
    USING script_tracking.visible_tenants(), v_after;
END
$$;

CALL script_tracking.allow('script_tracking.execution_history_at(timestamptz, integer)', 'script_tracking_reader');
