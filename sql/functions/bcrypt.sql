-- bcrypt of a password. The password is a parameter of what is executed: no statement's text ever holds it.
CREATE OR REPLACE FUNCTION script_tracking.bcrypt(p_password text, p_salt text) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_hash text;
BEGIN
    EXECUTE format('SELECT %s.crypt($1, $2)', script_tracking.pgcrypto_schema()) INTO v_hash USING p_password, p_salt;
    RETURN v_hash;
END
$$;

CALL script_tracking.allow('script_tracking.bcrypt(text, text)');
