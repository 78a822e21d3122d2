-- Who a user is: a tenant and an e-mail. Letters are folded in ASCII only, so that no locale changes a key.
CREATE OR REPLACE FUNCTION script_tracking.user_business_key(p_tenant_hk bytea, p_email text) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN encode(p_tenant_hk, 'hex') || ':' || lower(p_email COLLATE "C");
END
$$;

CALL script_tracking.allow('script_tracking.user_business_key(bytea, text)', 'script_tracking_reader');
