-- Ends a running operation; true when recorded, false (nothing changed) when it is unknown or has ended already.
CREATE OR REPLACE FUNCTION script_tracking.complete_operation(
    p_execution_hk bytea, p_success boolean DEFAULT true, p_error_message text DEFAULT NULL)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v script_tracking.script_execution_s;
    v_now timestamptz := clock_timestamp();
    v_status text;
    v_duration_ms integer;
BEGIN
    IF p_execution_hk IS NULL OR p_success IS NULL THEN
        RAISE EXCEPTION '% must not be NULL', CASE WHEN p_execution_hk IS NULL THEN 'p_execution_hk' ELSE 'p_success' END
            USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF p_error_message IS NOT NULL THEN
        PERFORM script_tracking.check_text('p_error_message', p_error_message);
    END IF;
    -- Finding, judging and closing the open version is one statement, so two completions can't both do it. Unequal to
    -- both endings, not equal to RUNNING: the index of running operations must not be used to find one by its key.
    LOOP
        UPDATE script_tracking.script_execution_s
        SET load_end_date = greatest(v_now, load_date + interval '1 microsecond')
        WHERE script_execution_hk = p_execution_hk AND load_end_date IS NULL
            AND execution_status <> 'COMPLETED' AND execution_status <> 'FAILED'
        RETURNING * INTO v;
        EXIT WHEN FOUND;
        -- An annotation may have closed the version that the UPDATE waited for: then there is a new one, which this
        -- statement's snapshot sees at READ COMMITTED (above, the UPDATE has failed with 40001).
        PERFORM FROM script_tracking.script_execution_s
        WHERE script_execution_hk = p_execution_hk AND load_end_date IS NULL
            AND execution_status <> 'COMPLETED' AND execution_status <> 'FAILED';
        IF NOT FOUND THEN
            RETURN false;
        END IF;
    END LOOP;
    v_status := CASE WHEN p_success THEN 'COMPLETED' ELSE 'FAILED' END;
    v_duration_ms := floor(least(greatest(
        extract(epoch FROM v.load_end_date) - extract(epoch FROM v.execution_timestamp), 0) * 1000, 2147483647));
    INSERT INTO script_tracking.script_execution_s
        (script_execution_hk, load_date, hash_diff, script_name, script_type, execution_status, execution_timestamp,
         execution_duration_ms, db_session_user, client_ip, affected_objects, sql_command, error_message, metadata,
         record_source, tenant_hk, recorded_by)
    VALUES (p_execution_hk, v.load_end_date,
        sha256(convert_to(jsonb_build_array('v1', v.script_name, v.script_type, v_status,
            (extract(epoch FROM v.execution_timestamp) * 1000000)::bigint, v_duration_ms, v.db_session_user, host(v.client_ip),
            to_jsonb(v.affected_objects), v.sql_command, p_error_message, v.metadata)::text, 'UTF8')),
        v.script_name, v.script_type, v_status, v.execution_timestamp, v_duration_ms, v.db_session_user, v.client_ip,
        v.affected_objects, v.sql_command, p_error_message, v.metadata, 'sql', v.tenant_hk,
        nullif(session_user, v.db_session_user));
    IF (SELECT value = 'on' FROM script_tracking.setting WHERE name = 'audit_log') THEN
        PERFORM script_tracking.report_completion(p_execution_hk, v.script_name, v.script_type, v_status, v_duration_ms);
    END IF;
    RETURN true;
END
$$;

CALL script_tracking.allow('script_tracking.complete_operation(bytea, boolean, text)', 'script_tracking_writer');
