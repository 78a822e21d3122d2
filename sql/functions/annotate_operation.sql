-- Adds to what is known of a running operation: metadata is merged key by key, objects are appended where they are not
-- there yet, a SQL text replaces the one before. True when the operation now says so, also when it did before (that
-- adds no version); false when it is unknown or has ended.
CREATE OR REPLACE FUNCTION script_tracking.annotate_operation(
    p_execution_hk bytea, p_metadata jsonb DEFAULT NULL, p_affected_objects text[] DEFAULT NULL,
    p_sql_command text DEFAULT NULL)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v script_tracking.script_execution_s;
    v_open_load_date timestamptz;
    v_open_hash_diff bytea;
BEGIN
    IF p_execution_hk IS NULL THEN
        RAISE EXCEPTION 'p_execution_hk must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    PERFORM script_tracking.check_metadata(p_metadata),
            script_tracking.check_objects(p_affected_objects),
            script_tracking.check_text('p_sql_command', p_sql_command);
    LOOP  -- as in complete_operation
        SELECT * INTO v FROM script_tracking.script_execution_s
        WHERE script_execution_hk = p_execution_hk ORDER BY load_date DESC LIMIT 1;
        IF NOT FOUND OR v.execution_status <> 'RUNNING' THEN
            RETURN false;
        END IF;
        v_open_load_date := v.load_date;
        v_open_hash_diff := v.hash_diff;
        v.load_date := clock_timestamp();
        v.record_source := 'sql';
        IF p_metadata IS NOT NULL THEN
            v.metadata := coalesce(v.metadata, '{}') || p_metadata;
            PERFORM script_tracking.check_metadata(v.metadata);
        END IF;
        IF p_affected_objects IS NOT NULL THEN
            v.affected_objects := script_tracking.add_objects(v.affected_objects, p_affected_objects);
            PERFORM script_tracking.check_objects(v.affected_objects);
        END IF;
        v.sql_command := coalesce(p_sql_command, v.sql_command);
        v.hash_diff := script_tracking.calculate_hash_diff(v);
        IF v.hash_diff = v_open_hash_diff THEN
            RETURN true;
        END IF;
        EXIT WHEN script_tracking.write_next(v_open_load_date, v);
    END LOOP;
    RETURN true;
END
$$;

CALL script_tracking.allow('script_tracking.annotate_operation(bytea, jsonb, text[], text)', 'script_tracking_writer');
