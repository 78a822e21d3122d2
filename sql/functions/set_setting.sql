-- Changes a setting. The change is recorded by a trigger, with the login that made it.
CREATE OR REPLACE FUNCTION script_tracking.set_setting(p_name text, p_value text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_allowed text[];
BEGIN
    IF p_name IS NULL OR p_value IS NULL THEN
        RAISE EXCEPTION 'p_name and p_value must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    SELECT allowed INTO v_allowed FROM script_tracking.setting WHERE name = p_name;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no setting %', quote_literal(p_name)
            USING ERRCODE = 'invalid_parameter_value', HINT = 'SELECT name, meaning FROM script_tracking.setting;';
    END IF;
    IF v_allowed <> '{}' AND p_value <> ALL (v_allowed) THEN
        RAISE EXCEPTION 'setting % must be one of %, not %', p_name, array_to_string(v_allowed, ', '), quote_literal(p_value)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    UPDATE script_tracking.setting SET value = p_value WHERE name = p_name AND value <> p_value;
END
$$;

CALL script_tracking.allow('script_tracking.set_setting(text, text)', 'script_tracking_admin');
