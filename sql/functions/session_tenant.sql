-- The tenant that this session's login works for; none means the system. Only a trusted login may choose.
CREATE OR REPLACE FUNCTION script_tracking.session_tenant() RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_hk bytea;
    v_trusted boolean;
    v_chosen text;
BEGIN
    SELECT tenant_hk, trusted INTO v_tenant_hk, v_trusted FROM script_tracking.login_binding WHERE login = session_user;
    IF v_trusted THEN
        v_chosen := regexp_replace(current_setting('script_tracking.tenant_hk', true), '^\\x', '');
        IF v_chosen <> '' THEN
            IF v_chosen !~ '^[0-9A-Fa-f]{64}$' THEN
                RAISE EXCEPTION 'script_tracking.tenant_hk must be 64 hexadecimal digits, or empty for the system'
                    USING ERRCODE = 'invalid_parameter_value';
            END IF;
            RETURN decode(v_chosen, 'hex');
        END IF;
    END IF;
    RETURN v_tenant_hk;
END
$$;

CALL script_tracking.allow('script_tracking.session_tenant()', 'script_tracking_reader');
