CALL script_tracking.put_tenant_policy('script_tracking.credential_s');
