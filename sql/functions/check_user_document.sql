-- Refuses a tenant, user or credential from another store that is not what this one would have written itself.
CREATE OR REPLACE FUNCTION script_tracking.check_user_document(
    p_tenant_hk bytea, p_kind text, p_key bytea, p_hash_diff bytea, p_body jsonb, p_source text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_keys text[] := CASE p_kind WHEN 'tenant' THEN '{registered_by,tenant_id}'::text[] WHEN 'user' THEN '{email}' ELSE '{password_hash}' END;
    v_email text := p_body->>'email';
BEGIN
    IF p_hash_diff IS DISTINCT FROM sha256(convert_to(p_body::text, 'UTF8')) THEN
        RAISE EXCEPTION '%: hash_diff is not the hash of its body', p_kind USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF NOT p_body ?& v_keys OR p_body - v_keys <> '{}' OR jsonb_path_exists(p_body, '$.* ? (@.type() <> "string")') THEN
        RAISE EXCEPTION '%: the body must have %, as strings, and nothing else', p_kind, array_to_string(v_keys, ' and ')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF length(p_source) > 100 OR length(p_body->>'tenant_id') > 255 OR octet_length(p_body->>'registered_by') > 63 THEN
        RAISE EXCEPTION '%: too long; the limits are 100 characters of record_source, 255 of tenant_id, 63 bytes of registered_by', p_kind
            USING ERRCODE = 'string_data_right_truncation';
    END IF;
    IF p_kind = 'tenant' THEN
        IF p_body->>'tenant_id' = '' OR p_tenant_hk IS DISTINCT FROM p_key
           OR p_key IS DISTINCT FROM script_tracking.calculate_hash_key(p_body->>'tenant_id') THEN
            RAISE EXCEPTION 'tenant: its key must be the hash key of its tenant_id, which is not empty'
                USING ERRCODE = 'invalid_parameter_value';
        END IF;
        IF NOT script_tracking.session_is_admin() THEN
            RAISE EXCEPTION 'login % may not register tenants', quote_ident(session_user)
                USING ERRCODE = 'insufficient_privilege', HINT = 'Let an administrator call auth.register_tenant.';
        END IF;
    ELSIF NOT EXISTS (SELECT FROM script_tracking.tenant_h t WHERE t.tenant_hk = p_tenant_hk) THEN
        RAISE EXCEPTION '%: its tenant is not registered', p_kind
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Let an administrator call auth.register_tenant.';
    ELSIF p_kind = 'user' THEN
        PERFORM script_tracking.check_email(v_email);
        IF p_key IS DISTINCT FROM script_tracking.calculate_user_key(p_tenant_hk, v_email) THEN
            RAISE EXCEPTION 'user: its key is not that of its tenant and e-mail' USING ERRCODE = 'invalid_parameter_value';
        END IF;
    ELSE
        -- No cost above those that settings allow: a login would take for ever.
        IF p_body->>'password_hash' !~ '^[$]2a[$](0[4-9]|1[0-5])[$][./A-Za-z0-9]{53}$' THEN
            RAISE EXCEPTION 'credential: password_hash is no bcrypt of the form $2a$, with a cost from 4 to 15'
                USING ERRCODE = 'invalid_parameter_value';
        END IF;
        IF NOT EXISTS (SELECT FROM script_tracking.user_h u WHERE u.user_hk = p_key AND u.tenant_hk = p_tenant_hk) THEN
            RAISE EXCEPTION 'credential: its tenant has no such user' USING ERRCODE = 'invalid_parameter_value';
        END IF;
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.check_user_document(bytea, text, bytea, bytea, jsonb, text)');
