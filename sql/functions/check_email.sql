-- Refuses what is no e-mail address: a local part of ASCII atoms with dots, and a domain with two labels or more.
CREATE OR REPLACE FUNCTION script_tracking.check_email(p_email text) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF length(p_email) > 254 THEN
        RAISE EXCEPTION 'email is % characters long; the limit is 254', length(p_email)
            USING ERRCODE = 'string_data_right_truncation';
    END IF;
    IF p_email COLLATE "C" !~ ('^(?=[^@]{1,64}@)[A-Za-z0-9!#$%&''*+/=?^_`{|}~-]+([.][A-Za-z0-9!#$%&''*+/=?^_`{|}~-]+)*'
        '@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?[.])+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])$') THEN
        RAISE EXCEPTION 'email does not have the form name@domain'
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'ASCII only: write an international domain in its xn-- form.';
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.check_email(text)');
