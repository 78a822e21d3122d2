-- Closes the open version p_open and writes v after it; false when another session was faster, and nothing is written.
CREATE OR REPLACE FUNCTION script_tracking.write_next(p_open_load_date timestamptz, v script_tracking.script_execution_s)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- load_date is never the clock's alone: two calls often share a microsecond, and clocks go back.
    v.load_date := greatest(v.load_date, p_open_load_date + interval '1 microsecond');
    UPDATE script_tracking.script_execution_s SET load_end_date = v.load_date
    WHERE script_execution_hk = v.script_execution_hk AND load_date = p_open_load_date AND load_end_date IS NULL;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    v.load_end_date := NULL;
    v.version_number := nextval('script_tracking.version_sequence');
    v.log_xid := pg_current_xact_id();
    v.recorded_by := nullif(session_user, v.db_session_user);
    INSERT INTO script_tracking.script_execution_s VALUES (v.*);
    IF v.execution_status <> 'RUNNING' THEN
        PERFORM script_tracking.report_completion(v.script_execution_hk, v.script_name, v.script_type, v.execution_status,
            v.execution_duration_ms);
    END IF;
    RETURN true;
END
$$;

CALL script_tracking.allow('script_tracking.write_next(timestamptz, script_tracking.script_execution_s)');
