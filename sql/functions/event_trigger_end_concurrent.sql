-- Ends what event_trigger_start_concurrent wrote, and what was written before and got no end (each '' where there is none).
-- Where nothing was done (IF NOT EXISTS, a temporary table), nothing was
-- committed on the way either, and the start goes before anyone saw it.
CREATE OR REPLACE FUNCTION script_tracking.event_trigger_end_concurrent(
    p_execution_hk text, p_interrupted_hk text, p_recorded boolean, p_affected_objects text[], p_metadata jsonb)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_execution_hk bytea := decode(p_execution_hk, 'hex');
    v script_tracking.script_execution_s;
    v_open_load_date timestamptz;
BEGIN
    IF p_interrupted_hk <> '' THEN
        PERFORM script_tracking.fail_interrupted_ddl(decode(p_interrupted_hk, 'hex'));
    END IF;
    IF NOT p_recorded THEN
        DELETE FROM script_tracking.script_execution_h
        WHERE script_execution_hk = v_execution_hk AND log_xid = pg_current_xact_id();
        IF FOUND THEN
            DELETE FROM script_tracking.script_execution_s WHERE script_execution_hk = v_execution_hk;
            RETURN;
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
END
$$;

CALL script_tracking.allow('script_tracking.event_trigger_end_concurrent(text, text, boolean, text[], jsonb)');
