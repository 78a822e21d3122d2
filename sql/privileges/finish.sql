-- Takes back what was lent for the install.
DO $$
DECLARE
    v_schema text;
BEGIN
    FOR v_schema IN
        SELECT name FROM unnest(string_to_array(current_setting('script_tracking.lent_schemas'), ',')) AS lent (name)
        WHERE name <> ''
    LOOP
        EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM %I', v_schema, current_setting('script_tracking.owner'));
    END LOOP;
END
$$;
