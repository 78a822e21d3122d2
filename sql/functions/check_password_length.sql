-- bcrypt reads 72 bytes: two passwords that differ only later would be the same one.
CREATE OR REPLACE FUNCTION script_tracking.check_password_length(p_password text) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF octet_length(p_password) > 72 THEN
        RAISE EXCEPTION 'password is % bytes long; the limit is 72', octet_length(p_password)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.check_password_length(text)');
