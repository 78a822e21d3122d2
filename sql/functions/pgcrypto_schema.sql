-- The schema that pgcrypto is in, quoted. Asked at each call, because an extension may be moved.
CREATE OR REPLACE FUNCTION script_tracking.pgcrypto_schema() RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_schema text := (SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'pgcrypto');
BEGIN
    IF v_schema IS NULL THEN
        RAISE EXCEPTION 'the extension pgcrypto is missing' USING ERRCODE = 'undefined_function',
            HINT = 'Let an administrator run: CREATE EXTENSION pgcrypto;';
    END IF;
    RETURN v_schema;
END
$$;

CALL script_tracking.allow('script_tracking.pgcrypto_schema()');
