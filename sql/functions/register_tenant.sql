-- Registers a tenant and gives its hash key; one that is registered already stays as it is.
CREATE OR REPLACE FUNCTION auth.register_tenant(p_tenant_id varchar) RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_hk bytea;
    v_now timestamptz := clock_timestamp();
BEGIN
    IF p_tenant_id IS NULL THEN
        RAISE EXCEPTION 'p_tenant_id must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF length(p_tenant_id) > 255 THEN
        RAISE EXCEPTION 'p_tenant_id is % characters long; the limit is 255', length(p_tenant_id)
            USING ERRCODE = 'string_data_right_truncation';
    END IF;
    IF p_tenant_id = '' THEN
        RAISE EXCEPTION 'p_tenant_id must not be empty' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    v_tenant_hk := script_tracking.calculate_hash_key(p_tenant_id);
    INSERT INTO script_tracking.tenant_h (tenant_hk, tenant_bk, load_date, record_source)
    VALUES (v_tenant_hk, p_tenant_id, v_now, 'register_tenant')
    ON CONFLICT (tenant_hk) DO NOTHING;
    IF FOUND THEN
        INSERT INTO script_tracking.tenant_s (tenant_hk, load_date, hash_diff, tenant_id, registered_by, record_source)
        VALUES (v_tenant_hk, v_now, script_tracking.hash_texts(p_tenant_id, session_user), p_tenant_id,
            session_user, 'register_tenant');
    END IF;
    RETURN v_tenant_hk;
END
$$;

CALL script_tracking.allow('auth.register_tenant(varchar)', 'script_tracking_admin');
