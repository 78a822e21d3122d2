-- Refuses metadata that the Rust core would refuse: no object, over 1 MiB as text, nested over 128 deep.
CREATE OR REPLACE FUNCTION script_tracking.check_metadata(p_metadata jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on  -- or a session could change what our literals say
AS $$
DECLARE
    v_brackets text;
BEGIN
    IF p_metadata IS NULL THEN
        RETURN;
    END IF;
    IF jsonb_typeof(p_metadata) <> 'object' THEN
        RAISE EXCEPTION 'p_metadata must be a JSON object, not a JSON %', jsonb_typeof(p_metadata)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF octet_length(p_metadata::text) > 1048576 THEN
        RAISE EXCEPTION 'p_metadata is % bytes long as text; the limit is 1048576', octet_length(p_metadata::text)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- Only brackets outside of strings are left; each round takes the innermost pairs, one level of nesting.
    v_brackets := regexp_replace(regexp_replace(p_metadata::text, '"([^"\\]|\\.)*"', '', 'g'), '[^][{}]', '', 'g');
    IF length(v_brackets) <= 256 THEN
        RETURN;
    END IF;
    FOR v_level IN 1 .. 128 LOOP
        v_brackets := regexp_replace(v_brackets, '\[\]|\{\}', '', 'g');
        EXIT WHEN v_brackets = '';
    END LOOP;
    IF v_brackets <> '' THEN
        RAISE EXCEPTION 'p_metadata is nested too deep; the limit is 128 levels' USING ERRCODE = 'statement_too_complex';
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.check_metadata(jsonb)');
