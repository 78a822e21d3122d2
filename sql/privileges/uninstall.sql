-- Removes all of ours, nothing of the site's. RESTRICT everywhere: what the site built on ours stops it, and is named.
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL client_min_messages = warning;

DO $$
BEGIN
    IF to_regclass('script_tracking.script_execution_h') IS NULL THEN
        RAISE EXCEPTION 'Opledger is not installed in this database' USING ERRCODE = 'undefined_object';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('opledger install', 0));
END
$$;

-- Event triggers first: they would fire on the rest.
DO $$
DECLARE
    v_name name;
BEGIN
    FOR v_name IN SELECT evtname FROM pg_event_trigger JOIN pg_proc p ON p.oid = evtfoid
                  WHERE p.pronamespace = 'script_tracking'::regnamespace LOOP
        EXECUTE format('DROP EVENT TRIGGER %I', v_name);
    END LOOP;
END
$$;

-- Views, policies, triggers and defaults, which depend on functions; then these; then tables, on whose row types they depend.
DO $$
DECLARE
    v_command text;
    v_tables regclass[] := ARRAY(SELECT oid FROM pg_class
        WHERE relkind = 'r' AND (relnamespace = 'script_tracking'::regnamespace
            OR (oid = to_regclass('util.audit_event') AND obj_description(oid, 'pg_class') = 'Part of Opledger.')));
    v_made text[] := ARRAY(SELECT kind || ' ' || name FROM script_tracking.made_object);
BEGIN
    FOR v_command IN
        SELECT format('DROP VIEW %s', string_agg(oid::regclass::text, ', ')) FROM pg_class
        WHERE relkind = 'v' AND relnamespace = 'script_tracking'::regnamespace HAVING count(*) > 0
        UNION ALL
        SELECT format('DROP POLICY %I ON %s', polname, polrelid::regclass) FROM pg_policy WHERE polrelid = ANY (v_tables)
        UNION ALL
        SELECT format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass) FROM pg_trigger
        WHERE tgrelid = ANY (v_tables) AND NOT tgisinternal
        UNION ALL
        SELECT format('ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT', attrelid::regclass, attname) FROM pg_attribute
        WHERE attrelid = ANY (v_tables) AND atthasdef AND attgenerated = '' AND attidentity = ''
        UNION ALL
        SELECT format('DROP ROUTINE %s', string_agg(oid::regprocedure::text, ', ')) FROM pg_proc
        WHERE pronamespace IN ('script_tracking'::regnamespace, to_regnamespace('auth'), to_regnamespace('util'))
            AND obj_description(oid, 'pg_proc') = 'Part of Opledger.'
        UNION ALL
        SELECT format('DROP TABLE %s', array_to_string(v_tables, ', '))
        UNION ALL
        SELECT format('DROP SEQUENCE %s', oid::regclass) FROM pg_class c
        WHERE relkind = 'S' AND relnamespace = 'script_tracking'::regnamespace
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i'))
        UNION ALL
        SELECT format('DROP TYPE %s', t.oid::regtype) FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid
        WHERE c.relkind = 'c' AND t.typnamespace = 'script_tracking'::regnamespace
        UNION ALL
        SELECT 'DROP SCHEMA script_tracking'
    LOOP
        EXECUTE v_command;
    END LOOP;
    PERFORM set_config('script_tracking.made', array_to_string(v_made, ','), true);
END
$$;

-- What was made for us outside of our schema goes, unless the site uses it by now: then it is the site's.
DO $$
DECLARE
    v_made text;
BEGIN
    FOREACH v_made IN ARRAY string_to_array(current_setting('script_tracking.made'), ',') LOOP
        CONTINUE WHEN v_made = 'schema script_tracking';
        BEGIN
            EXECUTE format('DROP %s', v_made);
        EXCEPTION
            WHEN dependent_objects_still_exist THEN
                IF v_made LIKE 'schema %' THEN
                    EXECUTE format('ALTER %s OWNER TO %I', v_made, current_user);
                END IF;
                RAISE WARNING 'Opledger: % stays: %', v_made, 'the site uses it';
        END;
    END LOOP;
END
$$;

-- Rights in schemas of the site; then the roles, where no other database uses them and we may.
DO $$
DECLARE
    v_command text;
    v_role text;
BEGIN
    FOR v_command IN
        SELECT format('REVOKE ALL ON SCHEMA %I FROM %I', n.nspname, r.rolname)
        FROM pg_namespace n, aclexplode(n.nspacl) a JOIN pg_roles r ON r.oid = a.grantee
        WHERE r.rolname IN ('script_tracking_owner', 'script_tracking_reader') GROUP BY n.nspname, r.rolname
        UNION ALL
        SELECT format('REVOKE ALL ON ROUTINE %s FROM %I', p.oid::regprocedure, r.rolname)
        FROM pg_proc p, aclexplode(p.proacl) a JOIN pg_roles r ON r.oid = a.grantee
        WHERE r.rolname = 'script_tracking_owner' GROUP BY p.oid, r.rolname
    LOOP
        EXECUTE v_command;
    END LOOP;
    FOREACH v_role IN ARRAY ARRAY['script_tracking_admin', 'script_tracking_writer', 'script_tracking_reader',
                                  'script_tracking_owner'] LOOP
        CONTINUE WHEN to_regrole(v_role) IS NULL;
        BEGIN
            EXECUTE format('DROP ROLE %I', v_role);
        EXCEPTION
            WHEN dependent_objects_still_exist THEN NULL;  -- another database uses it, or the site gave it something
            WHEN insufficient_privilege THEN
                RAISE WARNING 'Opledger: % stays: % may not drop it', v_role, current_user;
        END;
    END LOOP;
END
$$;
