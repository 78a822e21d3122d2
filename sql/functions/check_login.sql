-- Refuses what can't be a login, before any user is looked for.
CREATE OR REPLACE FUNCTION script_tracking.check_login(p_email text, p_password text) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_email IS NULL OR p_password IS NULL THEN
        RAISE EXCEPTION '% must not be NULL', CASE WHEN p_email IS NULL THEN 'p_email' ELSE 'p_password' END
            USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF length(p_email) > 255 THEN
        RAISE EXCEPTION 'p_email is % characters long; the limit is 255', length(p_email)
            USING ERRCODE = 'string_data_right_truncation';
    END IF;
    PERFORM script_tracking.check_password_length(p_password);
END
$$;

CALL script_tracking.allow('script_tracking.check_login(text, text)');
