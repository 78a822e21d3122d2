-- Ends a session. Of two at once, one does.
CREATE OR REPLACE FUNCTION auth.revoke_session_tracking(p_session_token text, p_tenant_hk bytea) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_chosen text := coalesce(current_setting('script_tracking.tenant_hk', true), '');
    v_now timestamptz := clock_timestamp();
    v_open script_tracking.session_s;
    v_code text;
    v_message text;
    v_hint text;
BEGIN
    PERFORM script_tracking.choose_tenant(p_tenant_hk);
    UPDATE script_tracking.session_s SET load_end_date = greatest(v_now, load_date + interval '1 microsecond')
    WHERE session_hk = sha256(convert_to(p_session_token, 'UTF8')) AND tenant_hk = p_tenant_hk
      AND load_end_date IS NULL AND session_status = 'ACTIVE' AND expires_at > v_now
    RETURNING * INTO v_open;
    IF FOUND THEN
        INSERT INTO script_tracking.session_s
            (session_hk, load_date, hash_diff, session_status, expires_at, tenant_hk, record_source)
        VALUES (v_open.session_hk, v_open.load_end_date, script_tracking.hash_texts('REVOKED',
            (extract(epoch FROM v_open.expires_at) * 1000000)::bigint::text), 'REVOKED', v_open.expires_at, p_tenant_hk,
            'revoke_session');
    END IF;
    PERFORM set_config('script_tracking.tenant_hk', v_chosen, true);
    IF v_open.session_hk IS NULL THEN
        RETURN script_tracking.error_response('28000', 'the session is unknown, revoked or expired', NULL,
            'Nothing is to be revoked');
    END IF;
    RETURN script_tracking.success_response('{}');
EXCEPTION
    WHEN null_value_not_allowed OR invalid_parameter_value OR insufficient_privilege THEN
        GET STACKED DIAGNOSTICS v_code = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT, v_hint = PG_EXCEPTION_HINT;
        RETURN script_tracking.error_response(v_code, v_message, NULL, v_hint);
END
$$;

CALL script_tracking.allow('auth.revoke_session_tracking(text, bytea)', 'script_tracking_writer');
