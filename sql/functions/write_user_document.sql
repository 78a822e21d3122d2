-- Writes a version of a tenant, user or credential after the open one, and the hub where there is none. A session that
-- registers the same meanwhile, by another function, is a reason to judge again.
CREATE OR REPLACE FUNCTION script_tracking.write_user_document(
    p_tenant_hk bytea, p_kind text, p_key bytea, p_load_date timestamptz, p_body jsonb, p_source text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_email text := p_body->>'email';
    v_hash text := p_body->>'password_hash';
BEGIN
    IF p_kind = 'tenant' THEN
        INSERT INTO script_tracking.tenant_h (tenant_hk, tenant_bk, load_date, record_source)
        VALUES (p_key, p_body->>'tenant_id', p_load_date, p_source) ON CONFLICT DO NOTHING;
        UPDATE script_tracking.tenant_s s SET load_end_date = p_load_date WHERE s.tenant_hk = p_key AND s.load_end_date IS NULL;
        INSERT INTO script_tracking.tenant_s (tenant_hk, load_date, hash_diff, tenant_id, registered_by, record_source)
        VALUES (p_key, p_load_date, script_tracking.hash_texts(p_body->>'tenant_id', p_body->>'registered_by'),
            p_body->>'tenant_id', (p_body->>'registered_by')::name, p_source) ON CONFLICT DO NOTHING;
    ELSIF p_kind = 'user' THEN
        INSERT INTO script_tracking.user_h (user_hk, user_bk, tenant_hk, load_date, record_source)
        VALUES (p_key, script_tracking.user_business_key(p_tenant_hk, v_email), p_tenant_hk, p_load_date, p_source) ON CONFLICT DO NOTHING;
        UPDATE script_tracking.user_s s SET load_end_date = p_load_date WHERE s.user_hk = p_key AND s.load_end_date IS NULL;
        INSERT INTO script_tracking.user_s (user_hk, load_date, hash_diff, email, tenant_hk, record_source)
        VALUES (p_key, p_load_date, script_tracking.hash_texts(v_email), v_email, p_tenant_hk, p_source) ON CONFLICT DO NOTHING;
    ELSE
        UPDATE script_tracking.credential_s s SET load_end_date = p_load_date WHERE s.user_hk = p_key AND s.load_end_date IS NULL;
        INSERT INTO script_tracking.credential_s (user_hk, load_date, hash_diff, password_hash, bcrypt_cost, tenant_hk, record_source)
        VALUES (p_key, p_load_date, script_tracking.hash_texts(v_hash), v_hash, substr(v_hash, 5, 2)::integer, p_tenant_hk, p_source)
        ON CONFLICT DO NOTHING;
    END IF;
    IF NOT FOUND THEN
        RAISE EXCEPTION '% % changed while it was written', p_kind, encode(p_key, 'hex')
            USING ERRCODE = 'serialization_failure', HINT = 'Retry.';
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.write_user_document(bytea, text, bytea, timestamptz, jsonb, text)');
