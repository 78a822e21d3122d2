-- Whose session a token is. Unknown, revoked, expired and another tenant's: one answer. Records nothing: it only reads.
CREATE OR REPLACE FUNCTION auth.validate_session_tracking(p_session_token text, p_tenant_hk bytea) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_chosen text := coalesce(current_setting('script_tracking.tenant_hk', true), '');
    v_session_hk bytea := sha256(convert_to(p_session_token, 'UTF8'));
    v_code text;
    v_message text;
    v_hint text;
    v_answer jsonb;
BEGIN
    PERFORM script_tracking.choose_tenant(p_tenant_hk);
    SELECT jsonb_build_object('user_hk', encode(h.user_hk, 'hex'), 'tenant_hk', encode(h.tenant_hk, 'hex'),
        'email', u.email, 'expires_at', script_tracking.utc_text(s.expires_at))
    INTO v_answer
    FROM script_tracking.session_h h
    JOIN script_tracking.session_s s ON s.session_hk = h.session_hk AND s.load_end_date IS NULL
    JOIN script_tracking.user_s u ON u.user_hk = h.user_hk AND u.load_end_date IS NULL
    WHERE h.session_hk = v_session_hk AND h.tenant_hk = p_tenant_hk
      AND s.session_status = 'ACTIVE' AND s.expires_at > clock_timestamp();
    PERFORM set_config('script_tracking.tenant_hk', v_chosen, true);
    IF v_answer IS NULL THEN
        RETURN script_tracking.error_response('28000', 'the session is unknown, revoked or expired', NULL, 'Log in again');
    END IF;
    RETURN script_tracking.success_response(v_answer);
EXCEPTION
    WHEN null_value_not_allowed OR invalid_parameter_value OR insufficient_privilege THEN
        GET STACKED DIAGNOSTICS v_code = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT, v_hint = PG_EXCEPTION_HINT;
        RETURN script_tracking.error_response(v_code, v_message, NULL, v_hint);
END
$$;

CALL script_tracking.allow('auth.validate_session_tracking(text, bytea)', 'script_tracking_writer');
