-- Roles belong to the cluster: other databases may use them too, and another install may be making them right now.
DO $$
DECLARE
    v_role text;
    v_missing text[] := '{}';
BEGIN
    FOREACH v_role IN ARRAY ARRAY['script_tracking_owner', 'script_tracking_reader', 'script_tracking_writer',
                                  'script_tracking_admin'] LOOP
        IF to_regrole(v_role) IS NULL THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', v_role);
            EXCEPTION
                WHEN duplicate_object OR unique_violation THEN NULL;  -- the other install was faster
                WHEN insufficient_privilege THEN v_missing := v_missing || v_role;
            END;
        END IF;
    END LOOP;
    IF v_missing <> '{}' THEN
        RAISE WARNING 'Opledger: roles missing: %', array_to_string(v_missing, ', ')
            USING DETAIL = format('%I may not create roles, so what these would own belongs to %1$I, '
                                  'and what they would be granted is granted to nobody.', current_user),
                  HINT = 'Let a user with CREATEROLE create them (NOLOGIN), then install again.';
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'script_tracking_owner' AND (rolbypassrls OR rolsuper OR rolcanlogin)) THEN
        RAISE EXCEPTION 'script_tracking_owner must be NOLOGIN, NOSUPERUSER and NOBYPASSRLS'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'ALTER ROLE script_tracking_owner NOLOGIN NOSUPERUSER NOBYPASSRLS;';
    END IF;
END
$$;

-- A writer is a reader, an admin is a writer.
DO $$
DECLARE
    v_lower text;
    v_higher text;
BEGIN
    FOR v_lower, v_higher IN VALUES ('script_tracking_reader', 'script_tracking_writer'),
                                    ('script_tracking_writer', 'script_tracking_admin') LOOP
        CONTINUE WHEN to_regrole(v_lower) IS NULL OR to_regrole(v_higher) IS NULL;
        CONTINUE WHEN EXISTS (SELECT FROM pg_auth_members
                              WHERE roleid = to_regrole(v_lower)::oid AND member = to_regrole(v_higher)::oid);
        BEGIN
            EXECUTE format('GRANT %I TO %I', v_lower, v_higher);
        EXCEPTION
            WHEN unique_violation THEN NULL;  -- the other install was faster
            WHEN insufficient_privilege THEN
                RAISE WARNING 'Opledger: % may not grant % to %', current_user, v_lower, v_higher
                    USING HINT = format('Let a user with CREATEROLE run: GRANT %I TO %I;', v_lower, v_higher);
        END;
    END LOOP;
END
$$;

-- The health report says for how long another session's transaction holds the log back. Where this may not be granted, it says
-- what to grant.
DO $$
BEGIN
    IF to_regrole('script_tracking_owner') IS NOT NULL
       AND NOT pg_has_role('script_tracking_owner', 'pg_read_all_stats', 'MEMBER')
    THEN
        GRANT pg_read_all_stats TO script_tracking_owner;
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN NULL;
    WHEN unique_violation THEN NULL;  -- another install was faster
END
$$;

-- The installer needs membership to give objects to the owner.
DO $$
BEGIN
    IF to_regrole('script_tracking_owner') IS NOT NULL
       AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
       AND NOT pg_has_role(current_user, 'script_tracking_owner',
                           CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END)
    THEN
        EXECUTE format('GRANT script_tracking_owner TO %I', current_user);
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE WARNING 'Opledger: % is no member of script_tracking_owner, so the objects stay its own', current_user
            USING HINT = format('Let an administrator run: GRANT script_tracking_owner TO %I; then install again.', current_user);
END
$$;
