-- What is running now, of what the session may see, from an index of its own.
CREATE OR REPLACE VIEW script_tracking.running_operations AS
SELECT script_execution_hk, script_name, script_type, execution_timestamp, clock_timestamp() - execution_timestamp AS running_for,
    db_session_user, client_ip, affected_objects, sql_command, metadata, tenant_hk
FROM script_tracking.script_execution_s WHERE execution_status = 'RUNNING' AND load_end_date IS NULL;

CALL script_tracking.allow_table('script_tracking.running_operations', 'script_tracking_reader');
