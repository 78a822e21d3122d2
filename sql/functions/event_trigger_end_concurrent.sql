-- Ends what event_trigger_start_concurrent wrote; true when there was such a start. p_command is as event_trigger_ddl_start
-- made it, or as its user changed it since. Where nothing was done (IF NOT EXISTS, a temporary table), nothing was committed on
-- the way either, and the start goes before anyone saw it.
CREATE OR REPLACE FUNCTION script_tracking.event_trigger_end_concurrent(
    p_command text[], p_done boolean, p_affected_objects text[], p_metadata jsonb)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_execution_hk bytea := decode(substring(p_command[5] FROM '^[0-9a-f]{64}$'), 'hex');
    v script_tracking.script_execution_s;
    v_open_load_date timestamptz;
BEGIN
    IF p_command[6] ~ '^[0-9a-f]{64}$' THEN
        PERFORM script_tracking.fail_interrupted_ddl(decode(p_command[6], 'hex'));
    END IF;
    IF NOT EXISTS (SELECT FROM script_tracking.script_execution_s WHERE script_execution_hk = v_execution_hk
                   AND record_source = 'event_trigger_ddl_start' AND script_name = p_metadata->>'tag'
                   AND metadata->>'backend_pid' = pg_backend_pid()::text) THEN
        RETURN false;
    END IF;
    IF NOT p_done THEN
        DELETE FROM script_tracking.script_execution_h
        WHERE script_execution_hk = v_execution_hk AND log_xid = pg_current_xact_id();
        IF FOUND THEN
            DELETE FROM script_tracking.script_execution_s WHERE script_execution_hk = v_execution_hk;
            RETURN true;
        END IF;
    END IF;
    LOOP
        SELECT * INTO v FROM script_tracking.script_execution_s
        WHERE script_execution_hk = v_execution_hk ORDER BY load_date DESC LIMIT 1;
        EXIT WHEN NOT FOUND OR v.execution_status <> 'RUNNING';
        v_open_load_date := v.load_date;
        v.load_date := clock_timestamp();
        v.execution_status := 'COMPLETED';
        v.execution_duration_ms := script_tracking.milliseconds(v.execution_timestamp, v.load_date);
        v.affected_objects := p_affected_objects;
        v.metadata := v.metadata || p_metadata;
        v.record_source := 'event_trigger_ddl_end';
        v.hash_diff := script_tracking.calculate_hash_diff(v);
        EXIT WHEN script_tracking.write_next(v_open_load_date, v);
    END LOOP;
    RETURN true;
END
$$;

CALL script_tracking.allow('script_tracking.event_trigger_end_concurrent(text[], boolean, text[], jsonb)');
