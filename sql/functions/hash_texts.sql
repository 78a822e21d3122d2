-- The hash_diff of a version of a tenant, user, credential or session: its attributes as texts, in the columns' order.
CREATE OR REPLACE FUNCTION script_tracking.hash_texts(VARIADIC p_attributes text[]) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN sha256(convert_to((jsonb_build_array('v1') || to_jsonb(p_attributes))::text, 'UTF8'));
END
$$;

CALL script_tracking.allow('script_tracking.hash_texts(text[])', 'script_tracking_reader');
