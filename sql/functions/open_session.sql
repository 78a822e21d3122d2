-- Opens a session. Its token is in this answer and nowhere else; 256 random bits need no salt.
CREATE OR REPLACE FUNCTION script_tracking.open_session(p_user_hk bytea, p_tenant_hk bytea) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
    v_expires_at timestamptz := v_now + script_tracking.get_setting('session_minutes')::integer * interval '1 minute';
    v_token text;
    v_session_hk bytea;
BEGIN
    EXECUTE format('SELECT encode(%s.gen_random_bytes(32), ''hex'')', script_tracking.pgcrypto_schema()) INTO v_token;
    v_session_hk := script_tracking.calculate_hash_key(v_token);
    INSERT INTO script_tracking.session_h (session_hk, user_hk, tenant_hk, load_date, record_source)
    VALUES (v_session_hk, p_user_hk, p_tenant_hk, v_now, 'login_user');
    INSERT INTO script_tracking.session_s
        (session_hk, load_date, hash_diff, session_status, expires_at, tenant_hk, record_source)
    VALUES (v_session_hk, v_now, script_tracking.hash_texts('ACTIVE',
        (extract(epoch FROM v_expires_at) * 1000000)::bigint::text), 'ACTIVE', v_expires_at, p_tenant_hk, 'login_user');
    RETURN jsonb_build_object('session_token', v_token, 'expires_at', script_tracking.utc_text(v_expires_at),
        'user_hk', encode(p_user_hk, 'hex'), 'tenant_hk', encode(p_tenant_hk, 'hex'));
END
$$;

CALL script_tracking.allow('script_tracking.open_session(bytea, bytea)');
