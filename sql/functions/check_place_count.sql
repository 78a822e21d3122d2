-- Refuses an array that is neither NULL nor as long as the names.
CREATE OR REPLACE FUNCTION script_tracking.check_place_count(p_wanted integer, p_field text, p_found integer) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_found <> p_wanted THEN
        RAISE EXCEPTION '% has % entries, p_script_names %', p_field, p_found, p_wanted
            USING ERRCODE = 'array_subscript_error', HINT = 'Give one entry a name, or NULL for the default everywhere.';
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.check_place_count(integer, text, integer)');
