-- The owner must reach pgcrypto where a site keeps it in a schema of its own.
DO $$
DECLARE
    v_owner text := current_setting('script_tracking.owner');
    v_schema text := (SELECT nspname FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'pgcrypto');
BEGIN
    IF v_schema IS NOT NULL AND NOT has_schema_privilege(v_owner, v_schema, 'USAGE') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', v_schema, v_owner);
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE WARNING 'Opledger: % may not use the schema of pgcrypto: %', v_owner, SQLERRM
            USING DETAIL = 'Users cannot be registered or logged in until it may; all else works.',
                  HINT = format('Let an administrator run: GRANT USAGE ON SCHEMA %I TO %I;', v_schema, v_owner);
END
$$;
