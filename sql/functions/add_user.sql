-- Writes a user and the first credential; raises what is wrong with the data.
CREATE OR REPLACE FUNCTION script_tracking.add_user(p_user_data jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_email text := p_user_data->>'email';
    v_tenant_hk bytea := script_tracking.calculate_hash_key(p_user_data->>'tenant_id');
    v_user_bk text;
    v_user_hk bytea;
    v_now timestamptz;
BEGIN
    PERFORM script_tracking.check_email(v_email), script_tracking.check_new_password(p_user_data->>'password'),
            script_tracking.choose_tenant(v_tenant_hk);
    IF NOT EXISTS (SELECT FROM script_tracking.tenant_h WHERE tenant_hk = v_tenant_hk) THEN
        RAISE EXCEPTION 'tenant_id is not the id of a registered tenant' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Let an administrator call auth.register_tenant.';
    END IF;
    v_user_bk := script_tracking.user_business_key(v_tenant_hk, v_email);
    v_user_hk := script_tracking.calculate_user_key(v_tenant_hk, v_email);
    v_now := clock_timestamp();
    INSERT INTO script_tracking.user_h (user_hk, user_bk, tenant_hk, load_date, record_source)
    VALUES (v_user_hk, v_user_bk, v_tenant_hk, v_now, 'register_user')
    ON CONFLICT (user_hk) DO NOTHING;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'a user with this e-mail is registered already' USING ERRCODE = 'unique_violation',
            HINT = 'Log in, or register another e-mail.';
    END IF;
    INSERT INTO script_tracking.user_s (user_hk, load_date, hash_diff, email, tenant_hk, record_source)
    VALUES (v_user_hk, v_now, script_tracking.hash_texts(v_email), v_email, v_tenant_hk, 'register_user');
    PERFORM script_tracking.write_credential(v_user_hk, v_tenant_hk, p_user_data->>'password', 'register_user');
    RETURN jsonb_build_object('user_hk', encode(v_user_hk, 'hex'), 'tenant_hk', encode(v_tenant_hk, 'hex'));
END
$$;

CALL script_tracking.allow('script_tracking.add_user(jsonb)');
