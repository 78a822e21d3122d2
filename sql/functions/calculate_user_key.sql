-- The hash key of a user, known or not: all that operations ever hold of an e-mail.
CREATE OR REPLACE FUNCTION script_tracking.calculate_user_key(p_tenant_hk bytea, p_email text) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN sha256(convert_to(script_tracking.user_business_key(p_tenant_hk, p_email), 'UTF8'));
END
$$;

CALL script_tracking.allow('script_tracking.calculate_user_key(bytea, text)', 'script_tracking_reader');
