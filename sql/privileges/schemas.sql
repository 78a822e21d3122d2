-- Schemas that a site has already stay the site's: the owner only gets what it needs there, CREATE for this transaction only.
DO $$
DECLARE
    v_schema text;
    v_superuser boolean := (SELECT rolsuper FROM pg_roles WHERE rolname = current_user);
    v_owner text := current_user;
    v_lent text[] := '{}';
BEGIN
    IF to_regrole('script_tracking_owner') IS NOT NULL AND (v_superuser OR
        pg_has_role(current_user, 'script_tracking_owner',
                    CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END)) THEN
        v_owner := 'script_tracking_owner';
    END IF;
    -- What `opledger migrate` made where nothing was installed becomes the owner's, where the installer may say so.
    IF v_owner = 'script_tracking_owner' AND to_regclass('script_tracking.installed_file') IS NULL
       AND pg_has_role(current_user, (SELECT nspowner FROM pg_namespace WHERE nspname = 'script_tracking'), 'USAGE')
       AND to_regclass('script_tracking.migration') IS NOT NULL THEN
        ALTER SCHEMA script_tracking OWNER TO script_tracking_owner;
        ALTER TABLE script_tracking.migration OWNER TO script_tracking_owner;
        EXECUTE (SELECT string_agg(format('ALTER FUNCTION %s OWNER TO script_tracking_owner', p.oid::regprocedure), ';')
                 FROM pg_proc p WHERE pronamespace = 'script_tracking'::regnamespace AND proname = 'record_migration');
        PERFORM set_config('script_tracking.made',
            concat_ws(',', nullif(current_setting('script_tracking.made'), ''), 'schema script_tracking'), true);
    END IF;
    -- What an earlier install left to its installer can't be mixed with what the owner makes.
    IF to_regnamespace('script_tracking') IS NOT NULL THEN
        v_owner := (SELECT rolname FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner
                    WHERE nspname = 'script_tracking');
    END IF;
    FOREACH v_schema IN ARRAY ARRAY['script_tracking', 'auth', 'util'] LOOP
        IF to_regnamespace(v_schema) IS NULL THEN
            EXECUTE format('CREATE SCHEMA %I AUTHORIZATION %I', v_schema, v_owner);
            PERFORM set_config('script_tracking.made',
                concat_ws(',', nullif(current_setting('script_tracking.made'), ''), 'schema ' || v_schema), true);
        ELSIF NOT has_schema_privilege(v_owner, v_schema, 'CREATE') THEN
            EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO %I', v_schema, v_owner);
            v_lent := v_lent || v_schema;
        ELSIF NOT has_schema_privilege(v_owner, v_schema, 'USAGE') THEN
            EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', v_schema, v_owner);
        END IF;
        IF to_regrole('script_tracking_reader') IS NOT NULL
           AND NOT has_schema_privilege('script_tracking_reader', v_schema, 'USAGE') THEN
            EXECUTE format('GRANT USAGE ON SCHEMA %I TO script_tracking_reader', v_schema);
        END IF;
    END LOOP;
    PERFORM set_config('script_tracking.owner', v_owner, true),
            set_config('script_tracking.lent_schemas', array_to_string(v_lent, ','), true);
END
$$;
