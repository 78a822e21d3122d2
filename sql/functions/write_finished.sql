-- Writes hub and both versions of an operation that has ended. Its load_date is now, whenever it ran: that is when the
-- ledger knew. NULL times: it ended now.
CREATE OR REPLACE FUNCTION script_tracking.write_finished(
    p_script_name text, p_script_type text, p_execution_timestamp timestamptz, p_duration_ms integer, p_success boolean,
    p_error_message text, p_affected_objects text[], p_sql_command text, p_metadata jsonb, p_record_source text,
    p_business_key text DEFAULT NULL)
RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v script_tracking.script_execution_s;
BEGIN
    PERFORM script_tracking.check_name(p_script_name, p_script_type),
            script_tracking.check_objects(p_affected_objects),
            script_tracking.check_text('p_error_message', p_error_message),
            script_tracking.check_text('p_sql_command', p_sql_command),
            script_tracking.check_metadata(p_metadata);
    v.script_name := p_script_name;
    v.script_type := p_script_type;
    v.affected_objects := p_affected_objects;
    v.sql_command := p_sql_command;
    v.metadata := p_metadata;
    v.load_date := clock_timestamp();
    v.load_end_date := v.load_date + interval '1 microsecond';
    v.execution_timestamp := coalesce(p_execution_timestamp, v.load_date - coalesce(p_duration_ms, 0) * interval '1 ms');
    v.record_source := p_record_source;
    v.script_execution_hk := script_tracking.write_start(v,
        coalesce(p_business_key, script_tracking.business_key(p_script_name, v.execution_timestamp)));
    v.load_date := v.load_end_date;
    v.load_end_date := NULL;
    v.execution_status := CASE WHEN p_success THEN 'COMPLETED' ELSE 'FAILED' END;
    v.error_message := p_error_message;
    v.execution_duration_ms := coalesce(p_duration_ms, script_tracking.milliseconds(v.execution_timestamp, v.load_date));
    v.db_session_user := session_user;
    v.client_ip := inet_client_addr();
    v.tenant_hk := script_tracking.session_tenant();
    v.version_number := nextval('script_tracking.version_sequence');
    v.log_xid := pg_current_xact_id();
    v.hash_diff := script_tracking.calculate_hash_diff(v);
    INSERT INTO script_tracking.script_execution_s VALUES (v.*);
    PERFORM script_tracking.report_completion(v.script_execution_hk, v.script_name, v.script_type, v.execution_status,
        v.execution_duration_ms);
    RETURN v.script_execution_hk;
END
$$;

CALL script_tracking.allow(
    'script_tracking.write_finished(text, text, timestamptz, integer, boolean, text, text[], text, jsonb, text, text)');
