-- Checks a password and opens a session, or says why not. Unknown user and wrong password: the same way, the same words.
CREATE OR REPLACE FUNCTION script_tracking.attempt_login(p_user_hk bytea, p_password text, p_tenant_hk bytea) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_failures integer := script_tracking.get_setting('lockout_failures')::integer;
    v_minutes integer := script_tracking.get_setting('lockout_minutes')::integer;
    v_cost integer := script_tracking.get_setting('bcrypt_cost')::integer;
    v_credential script_tracking.credential_s;
    v_last bigint;
    v_locked boolean;
    v_success boolean;
BEGIN
    SELECT * INTO v_credential FROM script_tracking.credential_s WHERE user_hk = p_user_hk AND load_end_date IS NULL;
    LOOP
        SELECT coalesce(max(attempt_number), 0),
               count(*) = v_failures AND NOT bool_or(success)
               AND min(attempted_at) > clock_timestamp() - v_minutes * interval '1 minute'
        INTO v_last, v_locked
        FROM (SELECT * FROM script_tracking.login_attempt WHERE user_hk = p_user_hk
              ORDER BY attempt_number DESC LIMIT v_failures) AS latest;
        IF v_locked THEN
            -- Whatever the password: else an attacker could go on guessing. Not counted: else a lock would never end.
            RETURN jsonb_build_object('error_code', '28000',
                'error_message', format('too many failed logins within %s minutes', v_minutes),
                'suggestion', 'Log in again later');
        END IF;
        IF v_success IS NULL THEN
            v_success := script_tracking.check_password(p_password, v_credential.password_hash, greatest(v_cost,
                (SELECT max(bcrypt_cost) FROM script_tracking.credential_s
                 WHERE tenant_hk = p_tenant_hk AND load_end_date IS NULL)));
        END IF;
        INSERT INTO script_tracking.login_attempt (user_hk, attempt_number, attempted_at, success, tenant_hk)
        VALUES (p_user_hk, v_last + 1, clock_timestamp(), v_success, p_tenant_hk)
        ON CONFLICT (user_hk, attempt_number) DO NOTHING;
        -- Another attempt took that number: it may have been the one too many, even if this password is right.
        EXIT WHEN FOUND;
    END LOOP;
    IF NOT v_success THEN
        RETURN jsonb_build_object('error_code', '28P01', 'error_message', 'e-mail or password is wrong',
            'suggestion', 'Check e-mail and password');
    END IF;
    IF v_credential.bcrypt_cost <> v_cost THEN
        PERFORM script_tracking.write_credential(p_user_hk, p_tenant_hk, p_password, 'login_user');
    END IF;
    RETURN script_tracking.open_session(p_user_hk, p_tenant_hk);
END
$$;

CALL script_tracking.allow('script_tracking.attempt_login(bytea, text, bytea)');
