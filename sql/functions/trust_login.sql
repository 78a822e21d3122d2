-- From now on this login chooses its tenant itself, by SET script_tracking.tenant_hk.
CREATE OR REPLACE FUNCTION script_tracking.trust_login(p_login name) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_login IS NULL THEN
        RAISE EXCEPTION 'p_login must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = p_login) THEN
        RAISE EXCEPTION 'there is no role %', quote_ident(p_login) USING ERRCODE = 'undefined_object';
    END IF;
    INSERT INTO script_tracking.login_binding AS b (login, trusted) VALUES (p_login, true)
    ON CONFLICT (login) DO UPDATE
        SET tenant_hk = NULL, trusted = true, bound_at = excluded.bound_at, bound_by = excluded.bound_by
        WHERE NOT b.trusted;
END
$$;

CALL script_tracking.allow('script_tracking.trust_login(name)', 'script_tracking_admin');
