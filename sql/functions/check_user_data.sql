-- Refuses registration data of another shape. What it refuses it does not repeat: a password may stand in any place.
CREATE OR REPLACE FUNCTION script_tracking.check_user_data(p_user_data jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_key text;
BEGIN
    IF p_user_data IS NULL THEN
        RAISE EXCEPTION 'p_user_data must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF jsonb_typeof(p_user_data) <> 'object' THEN
        RAISE EXCEPTION 'p_user_data must be an object, not %', jsonb_typeof(p_user_data)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOREACH v_key IN ARRAY ARRAY['email', 'password', 'tenant_id'] LOOP
        IF p_user_data->>v_key IS NULL THEN
            RAISE EXCEPTION '% must be there, and not null', v_key USING ERRCODE = 'null_value_not_allowed';
        END IF;
        IF jsonb_typeof(p_user_data->v_key) <> 'string' THEN
            RAISE EXCEPTION '% must be a string, not %', v_key, jsonb_typeof(p_user_data->v_key)
                USING ERRCODE = 'invalid_parameter_value';
        END IF;
    END LOOP;
    IF length(p_user_data->>'tenant_id') > 255 THEN
        RAISE EXCEPTION 'tenant_id is % characters long; the limit is 255', length(p_user_data->>'tenant_id')
            USING ERRCODE = 'string_data_right_truncation';
    END IF;
    IF p_user_data - ARRAY['email', 'password', 'tenant_id'] <> '{}' THEN
        RAISE EXCEPTION 'p_user_data has a key other than email, password and tenant_id'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.check_user_data(jsonb)');
