-- bcrypt comes from pgcrypto, in whatever schema it is. One that we create is noted, for uninstall to remove.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'pgcrypto') THEN
        IF to_regnamespace('public') IS NULL THEN
            RAISE EXCEPTION insufficient_privilege USING MESSAGE = 'there is no schema public to create pgcrypto in';
        END IF;
        CREATE EXTENSION pgcrypto SCHEMA public;
        PERFORM set_config('script_tracking.made', 'extension pgcrypto', true);
    END IF;
EXCEPTION
    WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
        RAISE WARNING 'Opledger: pgcrypto is missing: %', SQLERRM
            USING DETAIL = 'Users cannot be registered or logged in until it is there; all else works.',
                  HINT = 'Let an administrator run: CREATE EXTENSION pgcrypto;';
END
$$;
