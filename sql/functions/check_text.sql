-- Refuses a text of over 1 MiB.
CREATE OR REPLACE FUNCTION script_tracking.check_text(p_field text, p_value text) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF octet_length(p_value) > 1048576 THEN
        RAISE EXCEPTION '% is % bytes long; the limit is 1048576', p_field, octet_length(p_value)
            USING ERRCODE = 'string_data_right_truncation';
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.check_text(text, text)');
