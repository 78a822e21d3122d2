-- A name that no other call gives.
CREATE OR REPLACE FUNCTION script_tracking.generate_unique_script_name(p_base_name varchar(200)) RETURNS varchar(255)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_base_name IS NULL THEN
        RAISE EXCEPTION 'p_base_name must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF length(p_base_name) > 200 THEN
        RAISE EXCEPTION 'p_base_name is % characters long; the limit is 200', length(p_base_name)
            USING ERRCODE = 'string_data_right_truncation';
    END IF;
    RETURN script_tracking.business_key(p_base_name, clock_timestamp());
END
$$;

CALL script_tracking.allow('script_tracking.generate_unique_script_name(varchar)', 'script_tracking_reader');
