-- Tells the site's audit log, or ours, of a completion, when the setting says so. A log that fails is a WARNING, never the caller's
-- failure. Asked in the caller's statement where calls are counted: this is for all others.
CREATE OR REPLACE FUNCTION script_tracking.report_completion(
    p_execution_hk bytea, p_script_name text, p_script_type text, p_status text, p_duration_ms integer)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF (SELECT value = 'on' FROM script_tracking.setting WHERE name = 'audit_log') THEN
        PERFORM util.log_audit_event('OPERATION_' || p_status, 'script_execution', encode(p_execution_hk, 'hex'),
            session_user::text, jsonb_build_object('script_name', p_script_name, 'script_type', p_script_type,
                'execution_duration_ms', p_duration_ms));
    END IF;
EXCEPTION
    WHEN OTHERS THEN
        RAISE WARNING 'util.log_audit_event failed: %', SQLERRM USING ERRCODE = SQLSTATE;
END
$$;

CALL script_tracking.allow('script_tracking.report_completion(bytea, text, text, text, integer)');
