-- SHA-256 of the business key as UTF-8: nothing is trimmed or folded.
CREATE OR REPLACE FUNCTION script_tracking.calculate_hash_key(p_business_key varchar(255)) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_business_key IS NULL THEN
        RAISE EXCEPTION 'p_business_key must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF length(p_business_key) > 255 THEN
        RAISE EXCEPTION 'p_business_key is % characters long; the limit is 255', length(p_business_key)
            USING ERRCODE = 'string_data_right_truncation';
    END IF;
    RETURN sha256(convert_to(p_business_key, 'UTF8'));
END
$$;

CALL script_tracking.allow('script_tracking.calculate_hash_key(varchar)', 'script_tracking_reader');
