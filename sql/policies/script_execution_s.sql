CALL script_tracking.put_tenant_policy('script_tracking.script_execution_s');
CALL script_tracking.put_writer_policy('script_tracking.script_execution_s');
