-- From now on this login works for this tenant, and for no other. By name: it does not follow a role that is renamed.
CREATE OR REPLACE FUNCTION script_tracking.bind_login(p_login name, p_tenant_hk bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_login IS NULL OR p_tenant_hk IS NULL THEN
        RAISE EXCEPTION 'p_login and p_tenant_hk must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF octet_length(p_tenant_hk) <> 32 THEN
        RAISE EXCEPTION 'p_tenant_hk must have 32 bytes, not %', octet_length(p_tenant_hk)
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'It is script_tracking.calculate_hash_key of the tenant''s id.';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = p_login) THEN
        RAISE EXCEPTION 'there is no role %', quote_ident(p_login) USING ERRCODE = 'undefined_object';
    END IF;
    INSERT INTO script_tracking.login_binding AS b (login, tenant_hk) VALUES (p_login, p_tenant_hk)
    ON CONFLICT (login) DO UPDATE
        SET tenant_hk = excluded.tenant_hk, trusted = false, bound_at = excluded.bound_at, bound_by = excluded.bound_by
        WHERE b.tenant_hk IS DISTINCT FROM excluded.tenant_hk;
END
$$;

CALL script_tracking.allow('script_tracking.bind_login(name, bytea)', 'script_tracking_admin');
