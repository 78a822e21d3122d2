-- Refuses a file or version that can't be one.
CREATE OR REPLACE FUNCTION script_tracking.check_migration(p_migration_file text, p_migration_version text) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_name text;
    v_value text;
    v_limit integer;
BEGIN
    FOR v_name, v_value, v_limit IN VALUES ('p_migration_file', p_migration_file, 255),
                                           ('p_migration_version', p_migration_version, 50) LOOP
        IF v_value IS NULL THEN
            RAISE EXCEPTION '% must not be NULL', v_name USING ERRCODE = 'null_value_not_allowed';
        END IF;
        IF v_value = '' THEN
            RAISE EXCEPTION '% must not be empty', v_name USING ERRCODE = 'invalid_parameter_value';
        END IF;
        IF length(v_value) > v_limit THEN
            RAISE EXCEPTION '% is % characters long; the limit is %', v_name, length(v_value), v_limit
                USING ERRCODE = 'string_data_right_truncation';
        END IF;
    END LOOP;
END
$$;

CALL script_tracking.allow('script_tracking.check_migration(text, text)', 'script_tracking_admin');
