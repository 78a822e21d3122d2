CALL script_tracking.put_tenant_policy('script_tracking.document_s');
