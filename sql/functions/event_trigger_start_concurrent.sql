-- Writes the start of a command that will commit on its way, as only CONCURRENTLY does: if it fails then, no end comes, and
-- fail_interrupted_ddl() finds it. Returns its hash key in hex; '' when it is not to be recorded.
CREATE OR REPLACE FUNCTION script_tracking.event_trigger_start_concurrent(p_tag text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v script_tracking.script_execution_s;
BEGIN
    PERFORM script_tracking.fail_interrupted_ddl();
    IF script_tracking.capture_is_off() OR EXISTS (
        SELECT FROM script_tracking.capture_rule WHERE kind = 'role' AND name = session_user AND NOT captured) THEN
        RETURN '';
    END IF;
    v.script_name := p_tag;
    v.script_type := 'DDL_AUTO';
    v.load_date := clock_timestamp();
    v.execution_timestamp := v.load_date;
    v.sql_command := script_tracking.redact_sql(current_query(), 4000);
    v.metadata := jsonb_build_object('tag', p_tag, 'backend_pid', pg_backend_pid());
    v.record_source := 'event_trigger_ddl_start';
    RETURN encode(script_tracking.write_start(v, script_tracking.business_key(p_tag, v.load_date)), 'hex');
END
$$;

CALL script_tracking.allow('script_tracking.event_trigger_start_concurrent(text)');
