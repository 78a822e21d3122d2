-- store_commit for a single unit, in a quarter of the time: what most calls are. The epoch of what is done is the one
-- that the session's store_open told.
CREATE OR REPLACE FUNCTION script_tracking.store_commit_one(
    p_tenant_hk bytea, p_unit uuid, p_key bytea, p_business_key text, p_hub_load_date timestamptz, p_hub_source text,
    p_expect_load_date timestamptz, p_expect_hash_diff bytea, p_load_date timestamptz, p_hash_diff bytea,
    p_name text, p_type text, p_status text, p_started timestamptz, p_duration integer, p_user text,
    p_address inet, p_objects text, p_sql_command text, p_error_message text, p_metadata text, p_source text,
    OUT place integer, OUT outcome text, OUT epoch bigint, OUT log_xid xid8, OUT version_number bigint, OUT theirs bytea)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_objects text[] := p_objects::text[];
    v_metadata jsonb := p_metadata::jsonb;
BEGIN
    place := 1;
    PERFORM script_tracking.store_scope(false, p_tenant_hk);
    IF (length(p_name) BETWEEN 1 AND 255 AND length(p_type) BETWEEN 1 AND 50 AND p_type <> 'OVERALL'
        AND p_status IN ('RUNNING', 'COMPLETED', 'FAILED') AND p_duration IS NOT DISTINCT FROM abs(p_duration)
        AND length(p_source) <= 100 AND (p_hub_source IS NULL OR length(p_hub_source) <= 100)
        AND (p_user IS NULL OR length(p_user) <= 100)
        AND (p_business_key IS NULL OR length(p_business_key) <= 255 AND p_key = sha256(convert_to(p_business_key, 'UTF8')))
        AND coalesce(octet_length(p_sql_command), 0) <= 1048576 AND coalesce(octet_length(p_error_message), 0) <= 1048576
        AND (p_metadata IS NULL OR octet_length(p_metadata) <= 1048576 AND jsonb_typeof(v_metadata) = 'object'
            AND length(p_metadata) - length(translate(p_metadata, '{[', '')) <= 128)
        AND (p_objects IS NULL OR octet_length(p_objects) <= 1048576
            AND coalesce(array_ndims(v_objects), 1) = 1 AND cardinality(v_objects) <= 10000)
        AND p_hash_diff = sha256(convert_to(jsonb_build_array('v1', p_name, p_type, p_status,
            (extract(epoch FROM p_started) * 1000000)::bigint, p_duration, p_user, host(p_address), to_jsonb(v_objects),
            p_sql_command, p_error_message, v_metadata)::text, 'UTF8'))) IS NOT TRUE THEN
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
END
$$;

CALL script_tracking.allow('script_tracking.store_commit_one(bytea, uuid, bytea, text, timestamptz, text, timestamptz, bytea, '
    'timestamptz, bytea, text, text, text, timestamptz, integer, text, inet, text, text, text, text, text)', 'script_tracking_writer');
