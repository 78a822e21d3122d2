-- Refuses a password that is too short, or of which bcrypt would ignore the end.
CREATE OR REPLACE FUNCTION script_tracking.check_new_password(p_password text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_least integer := script_tracking.get_setting('password_min_length')::integer;
BEGIN
    IF length(p_password) < v_least THEN
        RAISE EXCEPTION 'password must have % characters or more', v_least USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM script_tracking.check_password_length(p_password);
END
$$;

CALL script_tracking.allow('script_tracking.check_new_password(text)');
