-- store_commit for a single unit, in a quarter of the time: what most calls are. The epoch of what is done is the one
-- that the session's store_open told.
CREATE OR REPLACE FUNCTION script_tracking.store_commit_one(
    p_tenant_hk bytea, p_key bytea, p_business_key text, p_hub_load_date timestamptz, p_hub_source text,
    p_expect_load_date timestamptz, p_expect_hash_diff bytea, p_name text, p_type text, p_started timestamptz,
    p_unit uuid, p_load_date timestamptz, p_hash_diff bytea, p_status text, p_duration integer, p_user text, p_address inet,
    p_objects text, p_sql_command text, p_error_message text, p_metadata text, p_source text,
    OUT place integer, OUT outcome text, OUT epoch bigint, OUT log_xid xid8, OUT version_number bigint, OUT theirs bytea)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_objects text[] := p_objects;
    v_metadata jsonb := p_metadata;
    v_content text := jsonb_build_array('v1', p_name, p_type, p_status, (extract(epoch FROM p_started) * 1000000)::bigint,
        p_duration, p_user, host(p_address), to_jsonb(v_objects), p_sql_command, p_error_message, v_metadata);
    v_trusted boolean;
    v_tenant_hk bytea;
    v_audited boolean;
BEGIN
    place := 1;
    SELECT b.trusted, b.tenant_hk, (SELECT s.value = 'on' FROM script_tracking.setting s WHERE s.name = 'audit_log')
    INTO v_trusted, v_tenant_hk, v_audited
    FROM (SELECT) AS always LEFT JOIN script_tracking.login_binding b ON b.login = session_user;
    -- Most logins work for the tenant that they are bound to.
    IF v_trusted OR v_tenant_hk IS DISTINCT FROM p_tenant_hk THEN
        PERFORM script_tracking.store_scope(false, p_tenant_hk);
    END IF;
    -- What does not look fine at a glance is looked at closely. No part is longer than the whole, and 257 bytes can't be nested
    -- too deep. Written as few calls: each transaction sets them up anew, which takes longer than the work.
    IF (p_hash_diff = sha256(convert_to(v_content, 'UTF8')) AND octet_length(v_content) <= 1048576
        AND p_name <> '' AND greatest(octet_length(p_name), octet_length(p_business_key)) <= 255
        AND p_type NOT IN ('', 'OVERALL') AND octet_length(p_type) <= 50 AND p_status IN ('RUNNING', 'COMPLETED', 'FAILED')
        AND (p_duration IS NULL OR p_duration >= 0) AND p_source IS NOT NULL
        AND greatest(octet_length(p_source), octet_length(p_hub_source), octet_length(p_user)) <= 100
        AND (p_business_key IS NULL OR p_key = sha256(convert_to(p_business_key, 'UTF8')))
        AND (v_metadata IS NULL OR jsonb_typeof(v_metadata) = 'object' AND (octet_length(p_metadata) < 258
            OR length(p_metadata) - length(translate(p_metadata, '{[', '')) <= 128))
        AND (v_objects IS NULL OR array_upper(v_objects, 2) IS NULL AND cardinality(v_objects) <= 10000)) IS NOT TRUE THEN
        PERFORM script_tracking.store_check_unit(p_key, p_business_key, p_hub_source, p_hash_diff, p_name, p_type, p_status, p_started,
            p_duration, p_user, p_address, v_objects, p_sql_command, p_error_message, v_metadata, p_source);
    END IF;
    IF p_business_key IS NOT NULL THEN
        INSERT INTO script_tracking.script_execution_h
            (script_execution_hk, script_execution_bk, tenant_hk, load_date, record_source)
        VALUES (p_key, p_business_key, p_tenant_hk, p_hub_load_date, p_hub_source)
        ON CONFLICT DO NOTHING;
    ELSE
        UPDATE script_tracking.script_execution_s s SET load_end_date = p_load_date
        WHERE s.script_execution_hk = p_key AND s.load_date = p_expect_load_date AND s.load_end_date IS NULL
            AND s.hash_diff = p_expect_hash_diff
            AND s.execution_status <> 'COMPLETED' AND s.execution_status <> 'FAILED'
            AND s.tenant_hk IS NOT DISTINCT FROM p_tenant_hk AND s.script_name = p_name AND s.script_type = p_type
            AND s.execution_timestamp = p_started AND s.load_date < p_load_date;
    END IF;
    IF NOT FOUND THEN
        SELECT j.* INTO outcome, epoch, log_xid, version_number, theirs
        FROM script_tracking.store_judge(p_tenant_hk, p_unit, p_key, p_business_key, p_hub_load_date, p_hub_source,
            p_expect_load_date, p_expect_hash_diff, p_load_date, p_hash_diff, p_name, p_type, p_started) j;
        RETURN;
    END IF;
    outcome := 'done';
    log_xid := pg_current_xact_id();
    version_number := nextval('script_tracking.version_sequence');
    INSERT INTO script_tracking.script_execution_s (script_execution_hk, load_date, hash_diff, version_number,
        script_name, script_type, execution_status, execution_timestamp, execution_duration_ms, db_session_user, client_ip,
        affected_objects, sql_command, error_message, metadata, record_source, tenant_hk, log_xid, recorded_by, unit_id)
    VALUES (p_key, p_load_date, p_hash_diff, version_number, p_name, p_type, p_status, p_started, p_duration, p_user, p_address,
        v_objects, p_sql_command, p_error_message, v_metadata, p_source, p_tenant_hk, log_xid, nullif(session_user, p_user),
        p_unit);
    IF p_business_key IS NOT NULL AND random() < 0.0001 THEN
        PERFORM script_tracking.fold_operation_count(p_tenant_hk);
    END IF;
    IF p_status <> 'RUNNING' AND v_audited THEN
        PERFORM script_tracking.report_completion(p_key, p_name, p_type, p_status, p_duration);
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.store_commit_one(bytea, bytea, text, timestamptz, text, timestamptz, bytea, text, text, '
    'timestamptz, uuid, timestamptz, bytea, text, integer, text, inet, text, text, text, text, text)', 'script_tracking_writer');
