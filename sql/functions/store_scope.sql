-- Lets a store's call work for one tenant (NULL: the system), or for all that the session may see. Decided by the login:
-- an admin may work for anyone, a trusted login chooses by naming a tenant, any other has the one it is bound to.
CREATE OR REPLACE FUNCTION script_tracking.store_scope(p_all boolean, p_tenant_hk bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_trusted boolean;
    v_tenant_hk bytea;
BEGIN
    IF p_all THEN
        RETURN;
    END IF;
    SELECT b.trusted, b.tenant_hk INTO v_trusted, v_tenant_hk FROM script_tracking.login_binding b WHERE b.login = session_user;
    IF v_trusted THEN
        PERFORM set_config('script_tracking.tenant_hk', coalesce(encode(p_tenant_hk, 'hex'), ''), true);
    ELSIF v_tenant_hk IS DISTINCT FROM p_tenant_hk AND NOT script_tracking.session_is_admin() THEN
        RAISE EXCEPTION 'login % may not work for %', session_user, coalesce('tenant ' || encode(p_tenant_hk, 'hex'), 'the system')
            USING ERRCODE = 'insufficient_privilege',
                  HINT = CASE WHEN v_tenant_hk IS NULL THEN 'It is neither bound nor trusted: see bind_login, trust_login.'
                      ELSE 'It is bound to tenant ' || encode(v_tenant_hk, 'hex') || '.' END;
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.store_scope(boolean, bytea)');
