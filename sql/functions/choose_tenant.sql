-- Works for this tenant from here on, where the session's login may: a trusted login chooses it, a bound one has it
-- already, an admin sees all. Callers put script_tracking.tenant_hk back; an error does that by itself.
CREATE OR REPLACE FUNCTION script_tracking.choose_tenant(p_tenant_hk bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_tenant_hk IS NULL THEN
        RAISE EXCEPTION 'p_tenant_hk must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF octet_length(p_tenant_hk) <> 32 THEN
        RAISE EXCEPTION 'p_tenant_hk must have 32 bytes, not %', octet_length(p_tenant_hk)
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'It is script_tracking.calculate_hash_key of the tenant''s id.';
    END IF;
    PERFORM set_config('script_tracking.tenant_hk', encode(p_tenant_hk, 'hex'), true);
    IF script_tracking.session_tenant() IS DISTINCT FROM p_tenant_hk AND NOT script_tracking.session_is_admin() THEN
        RAISE EXCEPTION 'login % may not work for this tenant', quote_ident(session_user)
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'Let an administrator call script_tracking.bind_login or script_tracking.trust_login.';
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.choose_tenant(bytea)');
