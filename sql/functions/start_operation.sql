-- Starts an operation with all that is known of it. The caller's own key makes a retry safe: same key and same content
-- gives the same operation, and adds nothing.
CREATE OR REPLACE FUNCTION script_tracking.start_operation(
    p_script_name varchar(255), p_script_type varchar(50) DEFAULT 'MANUAL', p_affected_objects text[] DEFAULT NULL,
    p_sql_command text DEFAULT NULL, p_metadata jsonb DEFAULT NULL, p_idempotency_key text DEFAULT NULL)
RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v script_tracking.script_execution_s;
    v_business_key text;
    v_earlier_hk bytea;
BEGIN
    PERFORM script_tracking.check_name(p_script_name, p_script_type),
            script_tracking.check_objects(p_affected_objects),
            script_tracking.check_text('p_sql_command', p_sql_command),
            script_tracking.check_metadata(p_metadata);
    v.script_name := p_script_name;
    v.script_type := p_script_type;
    v.affected_objects := p_affected_objects;
    v.sql_command := p_sql_command;
    v.metadata := p_metadata;
    v.load_date := clock_timestamp();
    v.execution_timestamp := v.load_date;
    v.record_source := 'sql';
    v_business_key := script_tracking.business_key(p_script_name, v.load_date);
    IF p_idempotency_key IS NOT NULL THEN
        v_earlier_hk := script_tracking.claim_key(p_idempotency_key,
            jsonb_build_array('start', p_script_name, p_script_type, to_jsonb(p_affected_objects), p_sql_command, p_metadata),
            sha256(convert_to(v_business_key, 'UTF8')));
        IF v_earlier_hk IS NOT NULL THEN
            RETURN v_earlier_hk;
        END IF;
    END IF;
    RETURN script_tracking.write_start(v, v_business_key);
END
$$;

CALL script_tracking.allow('script_tracking.start_operation(varchar, varchar, text[], text, jsonb, text)', 'script_tracking_writer');
