CALL script_tracking.put_tenant_policy('script_tracking.operation_count');
