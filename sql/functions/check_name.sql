-- Refuses a name or type that an operation can't have. A varchar cast would drop trailing spaces past the limit silently.
CREATE OR REPLACE FUNCTION script_tracking.check_name(p_script_name text, p_script_type text) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF length(p_script_name) BETWEEN 1 AND 255 AND length(p_script_type) BETWEEN 1 AND 50 AND p_script_type <> 'OVERALL' THEN
        RETURN;
    END IF;
    IF p_script_name IS NULL OR p_script_type IS NULL THEN
        RAISE EXCEPTION '% must not be NULL', CASE WHEN p_script_name IS NULL THEN 'p_script_name' ELSE 'p_script_type' END
            USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF length(p_script_name) > 255 THEN
        RAISE EXCEPTION 'p_script_name is % characters long; the limit is 255', length(p_script_name)
            USING ERRCODE = 'string_data_right_truncation';
    END IF;
    IF length(p_script_type) > 50 THEN
        RAISE EXCEPTION 'p_script_type is % characters long; the limit is 50', length(p_script_type)
            USING ERRCODE = 'string_data_right_truncation';
    END IF;
    IF p_script_name = '' THEN
        RAISE EXCEPTION 'p_script_name must not be empty' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RAISE EXCEPTION 'p_script_type must not be empty, nor OVERALL (the reports use that word for all types)'
        USING ERRCODE = 'invalid_parameter_value';
END
$$;

CALL script_tracking.allow('script_tracking.check_name(text, text)');
