-- The CAPTURE rows of get_system_health.
CREATE OR REPLACE FUNCTION script_tracking.capture_health()
RETURNS TABLE (health_metric text, current_status text, details text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_missing text;
    v_off text;
    v_expected bigint;
    v_failures bigint;
BEGIN
    SELECT string_agg(t.name, ', ') FILTER (WHERE e.oid IS NULL),
           string_agg(t.name, ', ') FILTER (WHERE e.evtenabled NOT IN ('A', 'O')),
           count(x.name)
    INTO v_missing, v_off, v_expected
    FROM (VALUES ('et_ddl_command_start', 'event_trigger_ddl_start'), ('et_ddl_command_end', 'event_trigger_ddl_end'),
                 ('et_sql_drop', 'event_trigger_sql_drop')) AS t (name, function)
    LEFT JOIN pg_event_trigger e
        ON e.evtname = t.name AND e.evtfoid = to_regprocedure('script_tracking.' || t.function || '()')
    LEFT JOIN script_tracking.expected_event_trigger x ON x.name = t.name;
    health_metric := 'event_triggers';
    current_status := CASE WHEN v_off IS NULL AND v_missing IS NULL THEN 'EXCELLENT'
                           WHEN v_off IS NULL AND v_expected = 0 THEN 'WARNING' ELSE 'POOR' END;
    details := CASE WHEN current_status = 'EXCELLENT' THEN 'All 3 event triggers are enabled.'
                    WHEN current_status = 'WARNING'
                    THEN 'The installer was not permitted to create event triggers: DDL is not recorded.'
                    ELSE concat_ws(' ', 'Missing: ' || v_missing || '.', 'Disabled: ' || v_off || '.') END;
    RETURN NEXT;

    SELECT count(*) INTO v_failures FROM script_tracking.capture_failure
    WHERE failed_at > clock_timestamp() - interval '24 hours';
    health_metric := 'capture_failures';
    current_status := CASE v_failures WHEN 0 THEN 'EXCELLENT' ELSE 'POOR' END;
    details := format('%s DDL commands could not be recorded in the last 24 hours.', v_failures);
    RETURN NEXT;
END
$$;

CALL script_tracking.allow('script_tracking.capture_health()', 'script_tracking_reader');
