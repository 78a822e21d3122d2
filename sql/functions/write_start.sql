-- Writes hub and first version of an operation whose name, type, times, details and source are given, and checked.
-- Who and for whom is decided here, by the login, for every way to start one.
CREATE OR REPLACE FUNCTION script_tracking.write_start(v script_tracking.script_execution_s, p_business_key text) RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    v.script_execution_hk := sha256(convert_to(p_business_key, 'UTF8'));
    v.execution_status := 'RUNNING';
    v.db_session_user := session_user;
    v.client_ip := inet_client_addr();
    v.tenant_hk := script_tracking.session_tenant();
    v.version_number := nextval('script_tracking.version_sequence');
    v.log_xid := pg_current_xact_id();
    v.hash_diff := script_tracking.calculate_hash_diff(v);
    INSERT INTO script_tracking.script_execution_h
        (script_execution_hk, script_execution_bk, tenant_hk, load_date, record_source, log_xid)
    VALUES (v.script_execution_hk, p_business_key, v.tenant_hk, v.load_date, v.record_source, v.log_xid);
    INSERT INTO script_tracking.script_execution_s VALUES (v.*);
    IF random() < 0.0001 THEN
        PERFORM script_tracking.fold_operation_count(v.tenant_hk);
    END IF;
    RETURN v.script_execution_hk;
END
$$;

CALL script_tracking.allow('script_tracking.write_start(script_tracking.script_execution_s, text)');
