-- What every install begins with. All names below are qualified: the installer's search_path must not decide.
SET LOCAL search_path = pg_catalog, pg_temp;
-- NOTICEs of IF NOT EXISTS would bury the WARNINGs that say what is missing.
SET LOCAL client_min_messages = warning;
-- Our own DDL is not recorded: the event triggers ask for this, and for the right to say it.
SET LOCAL script_tracking.installing = on;
-- What this install makes outside of our schema, for uninstall.
SET LOCAL script_tracking.made = '';

DO $$
BEGIN
    IF current_setting('server_version_num')::integer < 140000 THEN
        RAISE EXCEPTION 'Opledger needs PostgreSQL 14 or later, this is %', current_setting('server_version')
            USING ERRCODE = 'feature_not_supported';
    END IF;
    -- Two installs of one database take turns.
    PERFORM pg_advisory_xact_lock(hashtextextended('opledger install', 0));
    PERFORM set_config('script_tracking.installer', current_user, true);
END
$$;
