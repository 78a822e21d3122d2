BEGIN;
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
-- What follows is made by the owner, and so is the owner's.
DO $$
BEGIN
    PERFORM set_config('role', current_setting('script_tracking.owner'), true);
END
$$;
-- Takes a function from PUBLIC and gives it to one role, where that role is there. Each file of a function ends with it.
-- The comment marks it as ours: in auth and util there are also the site's own.
CREATE OR REPLACE PROCEDURE script_tracking.allow(p_function regprocedure, p_role text DEFAULT NULL)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', p_function);
    IF obj_description(p_function, 'pg_proc') IS NULL THEN
        EXECUTE format('COMMENT ON ROUTINE %s IS %L', p_function, 'Part of Opledger.');
    END IF;
    IF to_regrole(p_role) IS NOT NULL THEN
        EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO %I', p_function, p_role);
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.allow(regprocedure, text)');
-- Lets one role read a table or view, where that role is there. Nobody is ever let write.
CREATE OR REPLACE PROCEDURE script_tracking.allow_table(p_table regclass, p_role text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF to_regrole(p_role) IS NOT NULL THEN
        EXECUTE format('GRANT SELECT ON %s TO %I', p_table, p_role);
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.allow_table(regclass, text)');
-- Creates a policy, or changes it in place: CREATE OR REPLACE POLICY does not exist. Nothing for a role that is not there.
CREATE OR REPLACE PROCEDURE script_tracking.put_policy(
    p_table regclass, p_name name, p_command text, p_rows text, p_role text DEFAULT 'public', p_new_rows text DEFAULT NULL)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_rule text := format('USING (%s)', p_rows)
        || CASE p_command WHEN 'ALL' THEN format(' WITH CHECK (%s)', coalesce(p_new_rows, p_rows)) ELSE '' END;
BEGIN
    IF p_role <> 'public' AND to_regrole(p_role) IS NULL THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM pg_policy WHERE polrelid = p_table AND polname = p_name) THEN
        EXECUTE format('ALTER POLICY %I ON %s %s', p_name, p_table, v_rule);
    ELSE
        EXECUTE format('CREATE POLICY %I ON %s FOR %s TO %s %s', p_name, p_table, p_command,
            CASE p_role WHEN 'public' THEN 'PUBLIC' ELSE quote_ident(p_role) END, v_rule);
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.put_policy(regclass, name, text, text, text, text)');
-- The rule of every table with a tenant_hk, in one place. Decided by the session's login (in a definer function
-- current_user is the owner): one that is bound sees its tenant's rows, a trusted one those of the tenant it chose, any
-- other the system's, whose tenant_hk is NULL. Scalar subqueries run once a statement, not once a row; the first is
-- session_tenant() written out, which saves a call in every write.
CREATE OR REPLACE PROCEDURE script_tracking.put_tenant_policy(p_table regclass)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    CALL script_tracking.put_policy(p_table, 'tenant', 'ALL', $rows$
        tenant_hk IS NOT DISTINCT FROM (
            SELECT CASE WHEN b.trusted THEN script_tracking.chosen_tenant() ELSE b.tenant_hk END
            FROM script_tracking.login_binding b WHERE b.login = session_user)
        OR (SELECT script_tracking.session_is_admin())$rows$);
END
$$;

CALL script_tracking.allow('script_tracking.put_tenant_policy(regclass)');
-- Lets the owner, who installs, write rows of hub and satellite unasked: only our functions are the owner, they take tenant_hk from
-- the login, and asking the tenant policy for every new row costs a sixth of the pairs. What it may see stays decided there.
CREATE OR REPLACE PROCEDURE script_tracking.put_writer_policy(p_table regclass)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    CALL script_tracking.put_policy(p_table, 'writer', 'ALL', 'false', current_user::text, 'true');
END
$$;

CALL script_tracking.allow('script_tracking.put_writer_policy(regclass)');
-- Whether this session's login sees every tenant's rows. Where the roles could not be created, the installer does.
CREATE OR REPLACE FUNCTION script_tracking.session_is_admin() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN coalesce(pg_has_role(session_user, to_regrole('script_tracking_admin')::oid, 'MEMBER'), false)
        OR session_user = current_user;
END
$$;

CALL script_tracking.allow('script_tracking.session_is_admin()', 'script_tracking_reader');
-- The tenant that the session's setting names; NULL for none. It counts for trusted logins only: ask session_tenant().
CREATE OR REPLACE FUNCTION script_tracking.chosen_tenant() RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_chosen text := current_setting('script_tracking.tenant_hk', true);
BEGIN
    -- No backslash in a literal: standard_conforming_strings is the session's.
    IF left(v_chosen, 2) = chr(92) || 'x' THEN
        v_chosen := substr(v_chosen, 3);
    END IF;
    IF v_chosen <> '' AND v_chosen !~ '^[0-9A-Fa-f]{64}$' THEN
        RAISE EXCEPTION 'script_tracking.tenant_hk must be 64 hexadecimal digits, or empty for the system'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN decode(nullif(v_chosen, ''), 'hex');
END
$$;

CALL script_tracking.allow('script_tracking.chosen_tenant()', 'script_tracking_reader');
-- The tenant that this session works for; NULL for the system. Decided by the login, as in put_tenant_policy.
CREATE OR REPLACE FUNCTION script_tracking.session_tenant() RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT CASE WHEN b.trusted THEN script_tracking.chosen_tenant() ELSE b.tenant_hk END
            FROM script_tracking.login_binding b WHERE b.login = session_user);
END
$$;

CALL script_tracking.allow('script_tracking.session_tenant()', 'script_tracking_reader');
-- The columns' default only: our functions pass their own load_date. A site that has this function keeps its own.
DO $do$
BEGIN
    IF to_regprocedure('util.current_load_date()') IS NULL
       OR obj_description(to_regprocedure('util.current_load_date()'), 'pg_proc') = 'Part of Opledger.'
    THEN
        CREATE OR REPLACE FUNCTION util.current_load_date() RETURNS timestamptz
        LANGUAGE sql VOLATILE
        SET search_path = pg_catalog, pg_temp
        AS 'SELECT clock_timestamp()';

        CALL script_tracking.allow('util.current_load_date()', 'script_tracking_reader');
    END IF;
END
$do$;
-- For users; our functions hash by sha256(), whatever this does. A site that has this function keeps its own.
DO $do$
BEGIN
    IF to_regprocedure('util.hash_binary(text)') IS NULL
       OR obj_description(to_regprocedure('util.hash_binary(text)'), 'pg_proc') = 'Part of Opledger.'
    THEN
        CREATE OR REPLACE FUNCTION util.hash_binary(text) RETURNS bytea
        LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
        SET search_path = pg_catalog, pg_temp
        AS $$SELECT sha256(convert_to($1, 'UTF8'))$$;

        CALL script_tracking.allow('util.hash_binary(text)', 'script_tracking_reader');
    END IF;
END
$do$;
-- The numbered migrations that were applied, this database's history.
CREATE TABLE IF NOT EXISTS script_tracking.schema_version (
    version integer PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    applied_by name NOT NULL DEFAULT session_user
);
ALTER TABLE script_tracking.schema_version ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.schema_version', 'script_tracking_reader');
-- Which text of which file of sql/ this database has.
CREATE TABLE IF NOT EXISTS script_tracking.installed_file (
    file text PRIMARY KEY,
    checksum bytea NOT NULL,
    installed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE script_tracking.installed_file ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.installed_file', 'script_tracking_reader');
-- What an install made outside of schema script_tracking and uninstall has to remove: schemas, and pgcrypto.
CREATE TABLE IF NOT EXISTS script_tracking.made_object (
    kind text NOT NULL,
    name name NOT NULL,
    PRIMARY KEY (kind, name),
    CONSTRAINT made_object_kind CHECK (kind IN ('schema', 'extension'))
);
ALTER TABLE script_tracking.made_object ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.put_policy('script_tracking.made_object', 'everyone', 'ALL', 'true');

INSERT INTO script_tracking.made_object (kind, name)
SELECT split_part(made, ' ', 1), split_part(made, ' ', 2)
FROM unnest(string_to_array(nullif(current_setting('script_tracking.made', true), ''), ',')) AS given (made)
ON CONFLICT DO NOTHING;
-- What a login may see: one tenant, or as a trusted one the tenant it names itself. Logins not in here: no tenant's rows.
CREATE TABLE IF NOT EXISTS script_tracking.login_binding (
    login name PRIMARY KEY,
    tenant_hk bytea,
    trusted boolean NOT NULL DEFAULT false,
    bound_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    bound_by name NOT NULL DEFAULT session_user,
    CONSTRAINT login_binding_one_kind CHECK (trusted = (tenant_hk IS NULL)),
    CONSTRAINT login_binding_tenant_hk CHECK (octet_length(tenant_hk) = 32)
);
ALTER TABLE script_tracking.login_binding ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.login_binding', 'script_tracking_reader');
-- Read by everything that tracks. What was never analyzed is taken for ten pages, and its one page read by way of the index: twice
-- the time.
ANALYZE script_tracking.login_binding;
-- Settings of this database. Known names are the rows: set_setting changes values, releases add rows.
CREATE TABLE IF NOT EXISTS script_tracking.setting (
    name text PRIMARY KEY,
    value text NOT NULL,
    allowed text[] NOT NULL,
    meaning text NOT NULL
);
ALTER TABLE script_tracking.setting ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.setting', 'script_tracking_reader');
-- Read by everything that tracks. What was never analyzed is taken for ten pages, and its one page read by way of the index: twice
-- the time.
ANALYZE script_tracking.setting;
-- Every change to settings and bindings, by whoever made it.
CREATE TABLE IF NOT EXISTS script_tracking.setting_change (
    change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_by name NOT NULL DEFAULT session_user,
    table_name text NOT NULL,
    old_row jsonb,
    new_row jsonb
);
ALTER TABLE script_tracking.setting_change ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.setting_change', 'script_tracking_admin');
-- Numbers versions. A transaction may commit late: only (log_xid, version_number) orders the log.
CREATE SEQUENCE IF NOT EXISTS script_tracking.version_sequence AS bigint;
-- The hub: one row an operation. Distributable by hash key: no unique constraint but the key, no row trigger.
CREATE TABLE IF NOT EXISTS script_tracking.script_execution_h (
    script_execution_hk bytea PRIMARY KEY,
    script_execution_bk varchar(255) NOT NULL,
    tenant_hk bytea,
    load_date timestamptz DEFAULT util.current_load_date(),
    record_source varchar(100) NOT NULL,
    log_xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);
ALTER TABLE script_tracking.script_execution_h ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.script_execution_h', 'script_tracking_reader');

-- Finds what came since a tenant's operations were counted (operation_count), and the tenants there are. It only grows at each
-- tenant's end: full pages save 6 MB a million.
CREATE INDEX IF NOT EXISTS script_execution_h_log ON script_tracking.script_execution_h (tenant_hk, log_xid) WITH (fillfactor = 100);
-- The satellite: one row a version. Only load_end_date is ever updated, once. The fillfactor stays 100: a close is never HOT
-- (see the index of running operations), so room kept free in a page is lost. Measured for 160,000 operations: 192 MB at 100,
-- 242 at 90, 282 at 70.
CREATE TABLE IF NOT EXISTS script_tracking.script_execution_s (
    script_execution_hk bytea NOT NULL,
    load_date timestamptz DEFAULT util.current_load_date(),
    load_end_date timestamptz,
    hash_diff bytea NOT NULL,
    version_number bigint DEFAULT nextval('script_tracking.version_sequence'),
    script_name varchar(255) NOT NULL,
    script_type varchar(50) DEFAULT 'MANUAL',
    execution_status varchar(20) DEFAULT 'RUNNING',
    execution_timestamp timestamptz DEFAULT CURRENT_TIMESTAMP,
    execution_duration_ms integer,
    db_session_user varchar(100) DEFAULT SESSION_USER,
    client_ip inet DEFAULT inet_client_addr(),
    affected_objects text[],
    sql_command text,
    error_message text,
    metadata jsonb,
    record_source varchar(100) NOT NULL,
    tenant_hk bytea,
    log_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    -- The login that wrote this version, where it is another than db_session_user, which ran the operation.
    recorded_by varchar(100),
    -- The name of the change that brought this version, where a store gave one: a retry is known by it.
    unit_id uuid,
    PRIMARY KEY (script_execution_hk, load_date)
)
-- Each close leaves a dead row: vacuumed early, its room is taken by the next.
WITH (autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE script_tracking.script_execution_s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.script_execution_s', 'script_tracking_reader');

-- What is running now. It mentions load_end_date, so closing a RUNNING version is no HOT update: the one index worth that. What
-- was closed stays in it until the next vacuum: equal keys share one, 5 bytes an operation, where with execution_timestamp it was 28.
CREATE INDEX IF NOT EXISTS script_execution_s_running ON script_tracking.script_execution_s (tenant_hk)
    WHERE execution_status = 'RUNNING' AND load_end_date IS NULL;

-- What ended. A finished version is never closed, so this needs no load_end_date, and reports read it alone.
CREATE INDEX IF NOT EXISTS script_execution_s_finished ON script_tracking.script_execution_s (tenant_hk, execution_timestamp)
    INCLUDE (script_type, execution_status, execution_duration_ms) WITH (fillfactor = 95)
    WHERE execution_status <> 'RUNNING';

-- Few rows, and the ones that are looked for.
CREATE INDEX IF NOT EXISTS script_execution_s_failed ON script_tracking.script_execution_s (tenant_hk, execution_timestamp)
    WHERE execution_status = 'FAILED';

-- The log: see log_epoch. It grows at its end, and a close comes back to where its version is: a page keeps room for those.
-- Without version_number it would be 17 bytes an operation less, and a reader of 100,000 operations of one transaction would
-- take 0.2 to 0.45 s a page, not 0.01: each page sorts them all.
CREATE INDEX IF NOT EXISTS script_execution_s_log ON script_tracking.script_execution_s (log_xid, version_number)
    WITH (fillfactor = 95);
-- How many operations each tenant has, counted up to a snapshot: those whose transaction had ended by then, which are the ones below
-- horizon and not pending. count_operations adds what came since. It is kept outside of the write path, by fold_operation_count.
-- Transaction ids mean something in one cluster only, which system_identifier tells.
CREATE TABLE IF NOT EXISTS script_tracking.operation_count (
    tenant_hk bytea,
    operations bigint NOT NULL DEFAULT 0,
    horizon xid8 NOT NULL DEFAULT '0',
    pending xid8[] NOT NULL DEFAULT '{}',
    system_identifier bigint NOT NULL
);
ALTER TABLE script_tracking.operation_count ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
-- One row a tenant; the system's has no tenant_hk.
CREATE UNIQUE INDEX IF NOT EXISTS operation_count_tenant ON script_tracking.operation_count ((coalesce(tenant_hk, '')));
CALL script_tracking.allow_table('script_tracking.operation_count', 'script_tracking_reader');
-- Callers' own keys, by SHA-256 of tenant and key: a table of its own, because the hub has no other unique constraint.
CREATE TABLE IF NOT EXISTS script_tracking.idempotency_key (
    key_hash bytea PRIMARY KEY,
    content_hash bytea NOT NULL,
    script_execution_hk bytea NOT NULL,
    tenant_hk bytea,
    load_date timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE script_tracking.idempotency_key ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
-- For cleanup, which removes the keys of the operations it removes.
CREATE INDEX IF NOT EXISTS idempotency_key_operation ON script_tracking.idempotency_key (script_execution_hk);
-- What each verify found.
CREATE TABLE IF NOT EXISTS script_tracking.verification (
    verification_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    verified_at timestamptz NOT NULL,
    verified_by name NOT NULL DEFAULT session_user,
    sees_all boolean NOT NULL,
    operations bigint NOT NULL,
    versions bigint NOT NULL,
    orphan_versions bigint NOT NULL,
    open_versions bigint NOT NULL,
    hash_mismatches bigint NOT NULL,
    other bigint NOT NULL,
    tenant_hk bytea,
    unit_id uuid
);
ALTER TABLE script_tracking.verification ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.verification', 'script_tracking_reader');
-- Where our util.log_audit_event writes. A site with a function of that name keeps its own, and needs no table.
DO $do$
BEGIN
    IF to_regclass('util.audit_event') IS NULL AND to_regprocedure('util.log_audit_event(text, text, text, text, jsonb)') IS NULL THEN
        CREATE TABLE util.audit_event (
            audit_event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            event_time timestamptz NOT NULL DEFAULT clock_timestamp(),
            event_type text NOT NULL,
            resource_type text NOT NULL,
            resource_id text,
            actor text NOT NULL,
            event_details jsonb,
            tenant_hk bytea
        );
        COMMENT ON TABLE util.audit_event IS 'Part of Opledger.';
        ALTER TABLE util.audit_event ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
        CALL script_tracking.put_tenant_policy('util.audit_event');
        CALL script_tracking.allow_table('util.audit_event', 'script_tracking_admin');
    END IF;
END
$do$;
-- The hub of tenants. Users' tables are here, not in auth: a site may have tables of the same names there.
CREATE TABLE IF NOT EXISTS script_tracking.tenant_h (
    tenant_hk bytea PRIMARY KEY,
    tenant_bk varchar(255) NOT NULL,
    load_date timestamptz NOT NULL,
    record_source varchar(100) NOT NULL
);
ALTER TABLE script_tracking.tenant_h ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.tenant_h', 'script_tracking_admin');
-- What is known of a tenant, version by version.
CREATE TABLE IF NOT EXISTS script_tracking.tenant_s (
    tenant_hk bytea NOT NULL,
    load_date timestamptz NOT NULL,
    load_end_date timestamptz,
    hash_diff bytea NOT NULL,
    tenant_id varchar(255) NOT NULL,
    registered_by name NOT NULL,
    record_source varchar(100) NOT NULL,
    PRIMARY KEY (tenant_hk, load_date)
);
ALTER TABLE script_tracking.tenant_s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.tenant_s', 'script_tracking_admin');

CREATE UNIQUE INDEX IF NOT EXISTS tenant_s_open ON script_tracking.tenant_s (tenant_hk) WHERE load_end_date IS NULL;
-- The hub of users: one tenant's user by e-mail. The business key is the tenant's key in hex, a colon and the folded e-mail.
CREATE TABLE IF NOT EXISTS script_tracking.user_h (
    user_hk bytea PRIMARY KEY,
    user_bk varchar(400) NOT NULL,
    tenant_hk bytea NOT NULL,
    load_date timestamptz NOT NULL,
    record_source varchar(100) NOT NULL
);
ALTER TABLE script_tracking.user_h ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.user_h', 'script_tracking_admin');
-- What is known of a user, version by version; the password is elsewhere.
CREATE TABLE IF NOT EXISTS script_tracking.user_s (
    user_hk bytea NOT NULL,
    load_date timestamptz NOT NULL,
    load_end_date timestamptz,
    hash_diff bytea NOT NULL,
    email varchar(255) NOT NULL,
    tenant_hk bytea NOT NULL,
    record_source varchar(100) NOT NULL,
    PRIMARY KEY (user_hk, load_date)
);
ALTER TABLE script_tracking.user_s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.user_s', 'script_tracking_admin');

CREATE UNIQUE INDEX IF NOT EXISTS user_s_open ON script_tracking.user_s (user_hk) WHERE load_end_date IS NULL;
-- A user's password as bcrypt, version by version. Granted to nobody: only login_user reads it.
CREATE TABLE IF NOT EXISTS script_tracking.credential_s (
    user_hk bytea NOT NULL,
    load_date timestamptz NOT NULL,
    load_end_date timestamptz,
    hash_diff bytea NOT NULL,
    password_hash varchar(60) NOT NULL,
    bcrypt_cost integer NOT NULL,
    tenant_hk bytea NOT NULL,
    record_source varchar(100) NOT NULL,
    PRIMARY KEY (user_hk, load_date),
    CONSTRAINT credential_s_password_hash CHECK (password_hash LIKE '$2a$%')
);
ALTER TABLE script_tracking.credential_s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE UNIQUE INDEX IF NOT EXISTS credential_s_open ON script_tracking.credential_s (user_hk) WHERE load_end_date IS NULL;

-- The highest cost of a tenant, which every login of that tenant must take, known user or not.
CREATE INDEX IF NOT EXISTS credential_s_cost ON script_tracking.credential_s (tenant_hk, bcrypt_cost) WHERE load_end_date IS NULL;
-- The hub of sessions. The key is the hash of a random token, which is stored nowhere.
CREATE TABLE IF NOT EXISTS script_tracking.session_h (
    session_hk bytea PRIMARY KEY,
    user_hk bytea NOT NULL,
    tenant_hk bytea NOT NULL,
    load_date timestamptz NOT NULL,
    record_source varchar(100) NOT NULL
);
ALTER TABLE script_tracking.session_h ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.session_h', 'script_tracking_admin');
-- What became of a session: ACTIVE, then perhaps REVOKED. One that expires gets no version of its own.
CREATE TABLE IF NOT EXISTS script_tracking.session_s (
    session_hk bytea NOT NULL,
    load_date timestamptz NOT NULL,
    load_end_date timestamptz,
    hash_diff bytea NOT NULL,
    session_status varchar(20) NOT NULL,
    expires_at timestamptz NOT NULL,
    tenant_hk bytea NOT NULL,
    record_source varchar(100) NOT NULL,
    PRIMARY KEY (session_hk, load_date),
    CONSTRAINT session_s_status CHECK (session_status IN ('ACTIVE', 'REVOKED'))
);
ALTER TABLE script_tracking.session_s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.session_s', 'script_tracking_admin');

CREATE UNIQUE INDEX IF NOT EXISTS session_s_open ON script_tracking.session_s (session_hk) WHERE load_end_date IS NULL;
-- Attempts to log in that a password was checked for; lock-out is judged by the last of them. An e-mail that nobody has
-- gets rows as well, or lock-out would tell who is a user. The number makes two attempts at once take turns.
CREATE TABLE IF NOT EXISTS script_tracking.login_attempt (
    user_hk bytea NOT NULL,
    attempt_number bigint NOT NULL,
    attempted_at timestamptz NOT NULL,
    success boolean NOT NULL,
    tenant_hk bytea NOT NULL,
    PRIMARY KEY (user_hk, attempt_number)
);
ALTER TABLE script_tracking.login_attempt ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.login_attempt', 'script_tracking_admin');
-- What became of each migration of this database, state by state; the last state of a version counts. Written by
-- run_migration_enterprise and by `opledger migrate`: README.md says how they share it.
CREATE TABLE IF NOT EXISTS script_tracking.migration (
    migration_kind varchar(20) NOT NULL,
    migration_version varchar(255) NOT NULL,
    state_number integer NOT NULL,
    migration_status varchar(20) NOT NULL,
    migration_file varchar(255),
    checksum bytea,
    load_date timestamptz NOT NULL,
    execution_time_ms integer,
    objects_affected integer,
    error_details text,
    script_execution_hk bytea,
    applied_by name NOT NULL DEFAULT session_user,
    statement_number integer,
    PRIMARY KEY (migration_kind, migration_version, state_number),
    CONSTRAINT migration_kind_known CHECK (migration_kind IN ('VERSIONED', 'REPEATABLE')),
    CONSTRAINT migration_status_known CHECK (migration_status IN ('RUNNING', 'APPLIED', 'FAILED', 'BASELINE', 'REVERTED')),
    CONSTRAINT migration_checksum CHECK (octet_length(checksum) = 32),
    CONSTRAINT migration_checksum_known CHECK (checksum IS NOT NULL OR migration_status = 'BASELINE')
);
ALTER TABLE script_tracking.migration ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.migration', 'script_tracking_admin');
-- Epochs of the log. Transaction ids order it within one history of one cluster; a restore into another cluster, and a
-- promotion, begin another: an epoch. A version belongs to the last epoch whose after_version is below its number.
CREATE TABLE IF NOT EXISTS script_tracking.log_epoch (
    epoch bigint PRIMARY KEY,
    -- Of the store, the same in all epochs: a copy has it too.
    store_id uuid NOT NULL,
    -- The system identifier and timeline of the cluster.
    cluster text NOT NULL,
    after_version bigint NOT NULL,
    began_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE script_tracking.log_epoch ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.log_epoch', 'script_tracking_reader');
-- Documents that a store keeps beside operations, version by version: how far a peer's log was taken over, conflicts, gaps.
CREATE TABLE IF NOT EXISTS script_tracking.document_s (
    kind varchar(50) NOT NULL,
    document_hk bytea NOT NULL,
    load_date timestamptz NOT NULL,
    load_end_date timestamptz,
    hash_diff bytea NOT NULL,
    body jsonb NOT NULL,
    tenant_hk bytea,
    unit_id uuid NOT NULL,
    record_source varchar(100) NOT NULL,
    recorded_by varchar(100) NOT NULL DEFAULT session_user,
    PRIMARY KEY (kind, document_hk, load_date)
);
ALTER TABLE script_tracking.document_s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.document_s', 'script_tracking_reader');

-- A key is one tenant's, even where another may not see it.
CREATE UNIQUE INDEX IF NOT EXISTS document_s_open ON script_tracking.document_s (kind, document_hk) WHERE load_end_date IS NULL;
-- No tenant's: everyone may know it. Nobody is granted more than SELECT; an install writes as the owner.
CALL script_tracking.put_policy('script_tracking.schema_version', 'everyone', 'ALL', 'true');
-- No tenant's: everyone may know it. Nobody is granted more than SELECT; an install writes as the owner.
CALL script_tracking.put_policy('script_tracking.installed_file', 'everyone', 'ALL', 'true');
-- A login may know its own binding (the tenant policies ask for it), and only admins those of others. The owner, which
-- is our functions, sees all: what decides must not ask itself.
CALL script_tracking.put_policy('script_tracking.login_binding', 'own', 'SELECT', 'login = session_user');
CALL script_tracking.put_policy('script_tracking.login_binding', 'admin', 'SELECT', 'true', 'script_tracking_admin');
CALL script_tracking.put_policy('script_tracking.login_binding', 'owner', 'ALL', 'true', current_user::text);
-- No tenant's: everyone may know it. Nobody is granted more than SELECT; set_setting is for admins.
CALL script_tracking.put_policy('script_tracking.setting', 'everyone', 'ALL', 'true');
-- Records come from a trigger, whoever made the change; only admins are granted SELECT.
CALL script_tracking.put_policy('script_tracking.setting_change', 'everyone', 'ALL', 'true');
CALL script_tracking.put_tenant_policy('script_tracking.script_execution_h');
CALL script_tracking.put_writer_policy('script_tracking.script_execution_h');
CALL script_tracking.put_tenant_policy('script_tracking.script_execution_s');
CALL script_tracking.put_writer_policy('script_tracking.script_execution_s');
CALL script_tracking.put_tenant_policy('script_tracking.operation_count');
CALL script_tracking.put_tenant_policy('script_tracking.idempotency_key');
CALL script_tracking.put_tenant_policy('script_tracking.verification');
CALL script_tracking.put_tenant_policy('script_tracking.tenant_h');
CALL script_tracking.put_tenant_policy('script_tracking.tenant_s');
CALL script_tracking.put_tenant_policy('script_tracking.user_h');
CALL script_tracking.put_tenant_policy('script_tracking.user_s');
CALL script_tracking.put_tenant_policy('script_tracking.credential_s');
CALL script_tracking.put_tenant_policy('script_tracking.session_h');
CALL script_tracking.put_tenant_policy('script_tracking.session_s');
CALL script_tracking.put_tenant_policy('script_tracking.login_attempt');
-- The database's, no tenant's. Only admins are granted SELECT, and the functions that write.
CALL script_tracking.put_policy('script_tracking.migration', 'everyone', 'ALL', 'true');
-- No tenant's: everyone may know it. Functions of the owner write.
CALL script_tracking.put_policy('script_tracking.log_epoch', 'everyone', 'ALL', 'true');
CALL script_tracking.put_tenant_policy('script_tracking.document_s');
-- tables/ is what version 1 was; each change to a released table is a file here, run once, in order.
DO $$
BEGIN
    IF EXISTS (SELECT FROM script_tracking.schema_version WHERE version >= 1) THEN
        RETURN;
    END IF;
    INSERT INTO script_tracking.schema_version (version) VALUES (1);
END
$$;
-- Records a change of a setting or binding, whoever makes it and however.
CREATE OR REPLACE FUNCTION script_tracking.record_setting_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO script_tracking.setting_change (table_name, old_row, new_row)
    VALUES (TG_TABLE_NAME, CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END, CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END);
    RETURN NULL;
END
$$;

CALL script_tracking.allow('script_tracking.record_setting_change()');
CREATE OR REPLACE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON script_tracking.setting
    FOR EACH ROW EXECUTE FUNCTION script_tracking.record_setting_change();
CREATE OR REPLACE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON script_tracking.login_binding
    FOR EACH ROW EXECUTE FUNCTION script_tracking.record_setting_change();
-- The settings there are. A value that was changed stays.
INSERT INTO script_tracking.setting AS s (name, value, allowed, meaning) VALUES
    ('audit_log', 'off', '{on,off}', 'call util.log_audit_event after each completion'),
    ('bcrypt_cost', '10', '{10,11,12,13,14,15}', 'bcrypt''s work factor; a user''s next login moves the user to it'),
    ('carry_credentials', 'off', '{on,off}', 'let writers read and replace their tenant''s password hashes, as agents do that carry users over'),
    ('lockout_failures', '5', '{3,4,5,6,8,10,15,20,50,100}', 'failed logins in a row that lock a user out'),
    ('lockout_minutes', '15', '{1,2,5,10,15,20,30,60,120,240,480,1440}', 'the time these must fall in, and how long the oldest of them locks'),
    ('password_min_length', '8', '{8,9,10,11,12,13,14,15,16,20,24}', 'characters that a new password must have'),
    ('session_minutes', '480', '{5,10,15,30,60,120,240,480,720,1440,10080,43200}', 'how long a session lasts')
ON CONFLICT (name) DO UPDATE SET allowed = excluded.allowed, meaning = excluded.meaning
    WHERE (s.allowed, s.meaning) IS DISTINCT FROM (excluded.allowed, excluded.meaning);
-- The value of a setting; NULL when there is none of that name.
CREATE OR REPLACE FUNCTION script_tracking.get_setting(p_name text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT value FROM script_tracking.setting WHERE name = p_name);
END
$$;

CALL script_tracking.allow('script_tracking.get_setting(text)', 'script_tracking_reader');
-- Changes a setting. The change is recorded by a trigger, with the login that made it.
CREATE OR REPLACE FUNCTION script_tracking.set_setting(p_name text, p_value text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_allowed text[];
BEGIN
    IF p_name IS NULL OR p_value IS NULL THEN
        RAISE EXCEPTION 'p_name and p_value must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    SELECT allowed INTO v_allowed FROM script_tracking.setting WHERE name = p_name;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no setting %', quote_literal(p_name)
            USING ERRCODE = 'invalid_parameter_value', HINT = 'SELECT name, meaning FROM script_tracking.setting;';
    END IF;
    IF v_allowed <> '{}' AND p_value <> ALL (v_allowed) THEN
        RAISE EXCEPTION 'setting % must be one of %, not %', p_name, array_to_string(v_allowed, ', '), quote_literal(p_value)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    UPDATE script_tracking.setting SET value = p_value WHERE name = p_name AND value <> p_value;
END
$$;

CALL script_tracking.allow('script_tracking.set_setting(text, text)', 'script_tracking_admin');
-- From now on this login works for this tenant, and for no other. By name: it does not follow a role that is renamed.
CREATE OR REPLACE FUNCTION script_tracking.bind_login(p_login name, p_tenant_hk bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_login IS NULL OR p_tenant_hk IS NULL THEN
        RAISE EXCEPTION 'p_login and p_tenant_hk must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF octet_length(p_tenant_hk) <> 32 THEN
        RAISE EXCEPTION 'p_tenant_hk must have 32 bytes, not %', octet_length(p_tenant_hk)
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'It is script_tracking.calculate_hash_key of the tenant''s id.';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = p_login) THEN
        RAISE EXCEPTION 'there is no role %', quote_ident(p_login) USING ERRCODE = 'undefined_object';
    END IF;
    INSERT INTO script_tracking.login_binding AS b (login, tenant_hk) VALUES (p_login, p_tenant_hk)
    ON CONFLICT (login) DO UPDATE
        SET tenant_hk = excluded.tenant_hk, trusted = false, bound_at = excluded.bound_at, bound_by = excluded.bound_by
        WHERE b.tenant_hk IS DISTINCT FROM excluded.tenant_hk;
END
$$;

CALL script_tracking.allow('script_tracking.bind_login(name, bytea)', 'script_tracking_admin');
-- From now on this login chooses its tenant itself, by SET script_tracking.tenant_hk.
CREATE OR REPLACE FUNCTION script_tracking.trust_login(p_login name) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_login IS NULL THEN
        RAISE EXCEPTION 'p_login must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = p_login) THEN
        RAISE EXCEPTION 'there is no role %', quote_ident(p_login) USING ERRCODE = 'undefined_object';
    END IF;
    INSERT INTO script_tracking.login_binding AS b (login, trusted) VALUES (p_login, true)
    ON CONFLICT (login) DO UPDATE
        SET tenant_hk = NULL, trusted = true, bound_at = excluded.bound_at, bound_by = excluded.bound_by
        WHERE NOT b.trusted;
END
$$;

CALL script_tracking.allow('script_tracking.trust_login(name)', 'script_tracking_admin');
-- Ends a binding or a trust; returns whether there was one. The role may be gone already.
CREATE OR REPLACE FUNCTION script_tracking.unbind_login(p_login name) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_login IS NULL THEN
        RAISE EXCEPTION 'p_login must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    DELETE FROM script_tracking.login_binding WHERE login = p_login;
    RETURN FOUND;
END
$$;

CALL script_tracking.allow('script_tracking.unbind_login(name)', 'script_tracking_admin');
-- SHA-256 of the business key as UTF-8: nothing is trimmed or folded.
CREATE OR REPLACE FUNCTION script_tracking.calculate_hash_key(p_business_key varchar(255)) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_business_key IS NULL THEN
        RAISE EXCEPTION 'p_business_key must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF length(p_business_key) > 255 THEN
        RAISE EXCEPTION 'p_business_key is % characters long; the limit is 255', length(p_business_key)
            USING ERRCODE = 'string_data_right_truncation';
    END IF;
    RETURN sha256(convert_to(p_business_key, 'UTF8'));
END
$$;

CALL script_tracking.allow('script_tracking.calculate_hash_key(varchar)', 'script_tracking_reader');
-- The hash_diff of a version with these attributes: the formula, once. The text is PostgreSQL's own form of jsonb, which
-- the Rust core prints too.
CREATE OR REPLACE FUNCTION script_tracking.hash_attributes(
    p_script_name text, p_script_type text, p_execution_status text, p_execution_timestamp timestamptz,
    p_execution_duration_ms integer, p_db_session_user text, p_client_ip inet, p_affected_objects text[],
    p_sql_command text, p_error_message text, p_metadata jsonb)
RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN sha256(convert_to(jsonb_build_array('v1', p_script_name, p_script_type, p_execution_status,
        (extract(epoch FROM p_execution_timestamp) * 1000000)::bigint, p_execution_duration_ms, p_db_session_user,
        host(p_client_ip), to_jsonb(p_affected_objects), p_sql_command, p_error_message, p_metadata)::text, 'UTF8'));
END
$$;

CALL script_tracking.allow('script_tracking.hash_attributes(text, text, text, timestamptz, integer, text, inet, text[], '
    'text, text, jsonb)', 'script_tracking_reader');
-- What a version's hash_diff must be: any reader can audit the satellite with it.
CREATE OR REPLACE FUNCTION script_tracking.calculate_hash_diff(s script_tracking.script_execution_s) RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN script_tracking.hash_attributes(s.script_name, s.script_type, s.execution_status, s.execution_timestamp,
        s.execution_duration_ms, s.db_session_user, s.client_ip, s.affected_objects, s.sql_command, s.error_message,
        s.metadata);
END
$$;

CALL script_tracking.allow('script_tracking.calculate_hash_diff(script_tracking.script_execution_s)', 'script_tracking_reader');
-- <first 200 characters of the name>_<UTC time to the microsecond>_<6 random hex digits>
CREATE OR REPLACE FUNCTION script_tracking.business_key(p_name text, p_at timestamptz) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN left(p_name, 200) || to_char(p_at AT TIME ZONE 'UTC', '_YYYY-MM-DD_HH24:MI:SS.US_')
        || left(gen_random_uuid()::text, 6);
END
$$;

CALL script_tracking.allow('script_tracking.business_key(text, timestamptz)');
-- A name that no other call gives.
CREATE OR REPLACE FUNCTION script_tracking.generate_unique_script_name(p_base_name varchar(200)) RETURNS varchar(255)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_base_name IS NULL THEN
        RAISE EXCEPTION 'p_base_name must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF length(p_base_name) > 200 THEN
        RAISE EXCEPTION 'p_base_name is % characters long; the limit is 200', length(p_base_name)
            USING ERRCODE = 'string_data_right_truncation';
    END IF;
    RETURN script_tracking.business_key(p_base_name, clock_timestamp());
END
$$;

CALL script_tracking.allow('script_tracking.generate_unique_script_name(varchar)', 'script_tracking_reader');
-- Whole milliseconds from one time to another: never negative, at most what the column holds.
CREATE OR REPLACE FUNCTION script_tracking.milliseconds(p_from timestamptz, p_to timestamptz) RETURNS integer
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN floor(least(greatest(extract(epoch FROM p_to) - extract(epoch FROM p_from), 0) * 1000, 2147483647));
END
$$;

CALL script_tracking.allow('script_tracking.milliseconds(timestamptz, timestamptz)');
-- Refuses a name or type that an operation can't have. A varchar cast would drop trailing spaces past the limit silently.
CREATE OR REPLACE FUNCTION script_tracking.check_name(p_script_name text, p_script_type text) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF length(p_script_name) BETWEEN 1 AND 255 AND length(p_script_type) BETWEEN 1 AND 50 AND p_script_type <> 'OVERALL' THEN
        RETURN;
    END IF;
    IF p_script_name IS NULL OR p_script_type IS NULL THEN
        RAISE EXCEPTION '% must not be NULL', CASE WHEN p_script_name IS NULL THEN 'p_script_name' ELSE 'p_script_type' END
            USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF length(p_script_name) > 255 THEN
        RAISE EXCEPTION 'p_script_name is % characters long; the limit is 255', length(p_script_name)
            USING ERRCODE = 'string_data_right_truncation';
    END IF;
    IF length(p_script_type) > 50 THEN
        RAISE EXCEPTION 'p_script_type is % characters long; the limit is 50', length(p_script_type)
            USING ERRCODE = 'string_data_right_truncation';
    END IF;
    IF p_script_name = '' THEN
        RAISE EXCEPTION 'p_script_name must not be empty' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RAISE EXCEPTION 'p_script_type must not be empty, nor OVERALL (the reports use that word for all types)'
        USING ERRCODE = 'invalid_parameter_value';
END
$$;

CALL script_tracking.allow('script_tracking.check_name(text, text)');
-- Refuses a text of over 1 MiB.
CREATE OR REPLACE FUNCTION script_tracking.check_text(p_field text, p_value text) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF octet_length(p_value) > 1048576 THEN
        RAISE EXCEPTION '% is % bytes long; the limit is 1048576', p_field, octet_length(p_value)
            USING ERRCODE = 'string_data_right_truncation';
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.check_text(text, text)');
-- Refuses affected objects past a limit. hash_diff takes one dimension only.
CREATE OR REPLACE FUNCTION script_tracking.check_objects(p_affected_objects text[]) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_bytes bigint;
BEGIN
    IF array_ndims(p_affected_objects) > 1 THEN
        RAISE EXCEPTION 'p_affected_objects has % dimensions; the limit is 1', array_ndims(p_affected_objects)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF cardinality(p_affected_objects) > 10000 THEN
        RAISE EXCEPTION 'p_affected_objects has % entries; the limit is 10000', cardinality(p_affected_objects)
            USING ERRCODE = 'string_data_right_truncation';
    END IF;
    v_bytes := (SELECT sum(octet_length(object)) FROM unnest(p_affected_objects) AS given (object));
    IF v_bytes > 1048576 THEN
        RAISE EXCEPTION 'p_affected_objects is % bytes long; the limit is 1048576', v_bytes
            USING ERRCODE = 'string_data_right_truncation';
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.check_objects(text[])');
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
-- Appends what is not there yet, once, in the order given. NULL and '{}' add nothing, and leave NULL as it is.
CREATE OR REPLACE FUNCTION script_tracking.add_objects(p_known text[], p_new text[]) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN nullif(p_known, '{}') || (
        SELECT array_agg(object ORDER BY place) FROM (
            SELECT object, min(place) AS place FROM unnest(p_new) WITH ORDINALITY AS given (object, place)
            WHERE object IS NOT NULL AND object <> ALL (coalesce(array_remove(p_known, NULL), '{}')) GROUP BY object) AS added);
END
$$;

CALL script_tracking.allow('script_tracking.add_objects(text[], text[])');
-- Counts a tenant's operations (NULL: the system's) that are not in a count of p_horizon and p_pending, up to one of p_until and
-- p_until_pending. Row security is no index condition, so the tenant is named; and whatever statistics say, they are few.
CREATE OR REPLACE FUNCTION script_tracking.count_since(
    p_tenant_hk bytea, p_horizon xid8, p_pending xid8[], p_until xid8 DEFAULT '18446744073709551615',
    p_until_pending xid8[] DEFAULT '{}')
RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET max_parallel_workers_per_gather = 0
SET enable_seqscan = off
AS $$
DECLARE
    v_count bigint;
BEGIN
    EXECUTE format($query$
        SELECT (SELECT count(*) FROM script_tracking.script_execution_h
                WHERE %1$s AND log_xid >= $2 AND log_xid < $4 AND log_xid <> ALL ($5))
            + (SELECT count(*) FROM script_tracking.script_execution_h
               WHERE %1$s AND log_xid = ANY ($3) AND log_xid <> ALL ($5)) $query$,
        CASE WHEN p_tenant_hk IS NULL THEN 'tenant_hk IS NULL' ELSE 'tenant_hk = $1' END)
    INTO v_count USING p_tenant_hk, p_horizon, p_pending, p_until, p_until_pending;
    RETURN v_count;
END
$$;

CALL script_tracking.allow('script_tracking.count_since(bytea, xid8, xid8[], xid8, xid8[])');
-- A tenant's row of operation_count, made where there is none, and locked until the transaction ends: who folds operations into it
-- and who removes some take turns. Above READ COMMITTED a row that changed since the snapshot is 40001.
CREATE OR REPLACE FUNCTION script_tracking.lock_operation_count(p_tenant_hk bytea) RETURNS script_tracking.operation_count
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v script_tracking.operation_count;
BEGIN
    LOOP
        SELECT * INTO v FROM script_tracking.operation_count c
        WHERE coalesce(c.tenant_hk, '') = coalesce(p_tenant_hk, '') FOR UPDATE;
        IF FOUND THEN
            RETURN v;
        END IF;
        INSERT INTO script_tracking.operation_count (tenant_hk, system_identifier)
        SELECT p_tenant_hk, system_identifier FROM pg_control_system()
        ON CONFLICT (coalesce(tenant_hk, '')) DO NOTHING;
    END LOOP;
END
$$;

CALL script_tracking.allow('script_tracking.lock_operation_count(bytea)');
-- Counts what came since the last time into operation_count, for the session's tenant or for one that an admin names; p_anew: all
-- of it. True when done. Writers call it once in ten thousand starts, so it waits for nobody: false when another is at it, and
-- above READ COMMITTED, where it could fail its caller with 40001.
CREATE OR REPLACE FUNCTION script_tracking.fold_operation_count(
    p_tenant_hk bytea DEFAULT script_tracking.session_tenant(), p_anew boolean DEFAULT false)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '1ms'
AS $$
DECLARE
    v script_tracking.operation_count;
    v_system_identifier bigint := (SELECT system_identifier FROM pg_control_system());
    v_snapshot pg_snapshot;
    v_horizon xid8;
    v_pending xid8[];
BEGIN
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RETURN false;
    END IF;
    v := script_tracking.lock_operation_count(p_tenant_hk);
    IF p_anew OR v.system_identifier <> v_system_identifier THEN
        v.operations := 0;
        v.horizon := '0';
        v.pending := '{}';
    END IF;
    -- What had ended at this snapshot adds nothing later, and only who holds the lock removes any. This transaction is not over,
    -- though its own snapshot doesn't say so.
    v_snapshot := pg_current_snapshot();
    v_horizon := pg_snapshot_xmax(v_snapshot);
    v_pending := ARRAY(SELECT x FROM pg_snapshot_xip(v_snapshot) x
                       UNION SELECT pg_current_xact_id() WHERE pg_current_xact_id() < v_horizon);
    v.operations := v.operations + script_tracking.count_since(p_tenant_hk, v.horizon, v.pending, v_horizon, v_pending);
    UPDATE script_tracking.operation_count c
    SET operations = v.operations, horizon = v_horizon, pending = v_pending, system_identifier = v_system_identifier
    WHERE coalesce(c.tenant_hk, '') = coalesce(p_tenant_hk, '');
    RETURN true;
EXCEPTION
    WHEN lock_not_available THEN
        RETURN false;
END
$$;

CALL script_tracking.allow('script_tracking.fold_operation_count(bytea, boolean)', 'script_tracking_writer');
-- Writes util.audit_event; called after each completion when the setting audit_log is on. A site keeps its own.
DO $do$
BEGIN
    IF to_regprocedure('util.log_audit_event(text, text, text, text, jsonb)') IS NULL
       OR obj_description(to_regprocedure('util.log_audit_event(text, text, text, text, jsonb)'), 'pg_proc') = 'Part of Opledger.'
    THEN
        CREATE OR REPLACE FUNCTION util.log_audit_event(
            p_event_type text, p_resource_type text, p_resource_id text, p_actor text, p_event_details jsonb)
        RETURNS void
        LANGUAGE plpgsql SECURITY DEFINER
        SET search_path = pg_catalog, pg_temp
        AS $$
        BEGIN
            INSERT INTO util.audit_event (event_type, resource_type, resource_id, actor, event_details, tenant_hk)
            VALUES (p_event_type, p_resource_type, p_resource_id, p_actor, p_event_details, script_tracking.session_tenant());
        END
        $$;

        -- To nobody: whoever could call it could write any actor.
        CALL script_tracking.allow('util.log_audit_event(text, text, text, text, jsonb)');
    END IF;
END
$do$;
-- Tells the site's audit log, or ours, of a completion, when the setting says so. A log that fails is a WARNING, never the caller's
-- failure. Asked in the caller's statement where calls are counted: this is for all others.
CREATE OR REPLACE FUNCTION script_tracking.report_completion(
    p_execution_hk bytea, p_script_name text, p_script_type text, p_status text, p_duration_ms integer)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF (SELECT value = 'on' FROM script_tracking.setting WHERE name = 'audit_log') THEN
        PERFORM util.log_audit_event('OPERATION_' || p_status, 'script_execution', encode(p_execution_hk, 'hex'),
            session_user::text, jsonb_build_object('script_name', p_script_name, 'script_type', p_script_type,
                'execution_duration_ms', p_duration_ms));
    END IF;
EXCEPTION
    WHEN OTHERS THEN
        RAISE WARNING 'util.log_audit_event failed: %', SQLERRM USING ERRCODE = SQLSTATE;
END
$$;

CALL script_tracking.allow('script_tracking.report_completion(bytea, text, text, text, integer)');
-- Writes hub and first version of an operation whose name, type, times, details and source are given, and checked.
-- Who and for whom is decided here, by the login, for every way to start one.
CREATE OR REPLACE FUNCTION script_tracking.write_start(v script_tracking.script_execution_s, p_business_key text) RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    v.script_execution_hk := sha256(convert_to(p_business_key, 'UTF8'));
    v.execution_status := 'RUNNING';
    v.db_session_user := session_user;
    v.client_ip := inet_client_addr();
    v.tenant_hk := script_tracking.session_tenant();
    v.version_number := nextval('script_tracking.version_sequence');
    v.log_xid := pg_current_xact_id();
    v.hash_diff := script_tracking.calculate_hash_diff(v);
    INSERT INTO script_tracking.script_execution_h
        (script_execution_hk, script_execution_bk, tenant_hk, load_date, record_source, log_xid)
    VALUES (v.script_execution_hk, p_business_key, v.tenant_hk, v.load_date, v.record_source, v.log_xid);
    INSERT INTO script_tracking.script_execution_s VALUES (v.*);
    IF random() < 0.0001 THEN
        PERFORM script_tracking.fold_operation_count(v.tenant_hk);
    END IF;
    RETURN v.script_execution_hk;
END
$$;

CALL script_tracking.allow('script_tracking.write_start(script_tracking.script_execution_s, text)');
-- Closes the open version p_open and writes v after it; false when another session was faster, and nothing is written.
CREATE OR REPLACE FUNCTION script_tracking.write_next(p_open_load_date timestamptz, v script_tracking.script_execution_s)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- load_date is never the clock's alone: two calls often share a microsecond, and clocks go back.
    v.load_date := greatest(v.load_date, p_open_load_date + interval '1 microsecond');
    UPDATE script_tracking.script_execution_s SET load_end_date = v.load_date
    WHERE script_execution_hk = v.script_execution_hk AND load_date = p_open_load_date AND load_end_date IS NULL;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    v.load_end_date := NULL;
    v.version_number := nextval('script_tracking.version_sequence');
    v.log_xid := pg_current_xact_id();
    v.recorded_by := nullif(session_user, v.db_session_user);
    INSERT INTO script_tracking.script_execution_s VALUES (v.*);
    IF v.execution_status <> 'RUNNING' THEN
        PERFORM script_tracking.report_completion(v.script_execution_hk, v.script_name, v.script_type, v.execution_status,
            v.execution_duration_ms);
    END IF;
    RETURN true;
END
$$;

CALL script_tracking.allow('script_tracking.write_next(timestamptz, script_tracking.script_execution_s)');
-- Writes hub and both versions of an operation that has ended. Its load_date is now, whenever it ran: that is when the
-- ledger knew. NULL times: it ended now.
CREATE OR REPLACE FUNCTION script_tracking.write_finished(
    p_script_name text, p_script_type text, p_execution_timestamp timestamptz, p_duration_ms integer, p_success boolean,
    p_error_message text, p_affected_objects text[], p_sql_command text, p_metadata jsonb, p_record_source text,
    p_business_key text DEFAULT NULL)
RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v script_tracking.script_execution_s;
BEGIN
    PERFORM script_tracking.check_name(p_script_name, p_script_type),
            script_tracking.check_objects(p_affected_objects),
            script_tracking.check_text('p_error_message', p_error_message),
            script_tracking.check_text('p_sql_command', p_sql_command),
            script_tracking.check_metadata(p_metadata);
    v.script_name := p_script_name;
    v.script_type := p_script_type;
    v.affected_objects := p_affected_objects;
    v.sql_command := p_sql_command;
    v.metadata := p_metadata;
    v.load_date := clock_timestamp();
    v.load_end_date := v.load_date + interval '1 microsecond';
    v.execution_timestamp := coalesce(p_execution_timestamp, v.load_date - coalesce(p_duration_ms, 0) * interval '1 ms');
    v.record_source := p_record_source;
    v.script_execution_hk := script_tracking.write_start(v,
        coalesce(p_business_key, script_tracking.business_key(p_script_name, v.execution_timestamp)));
    v.load_date := v.load_end_date;
    v.load_end_date := NULL;
    v.execution_status := CASE WHEN p_success THEN 'COMPLETED' ELSE 'FAILED' END;
    v.error_message := p_error_message;
    v.execution_duration_ms := coalesce(p_duration_ms, script_tracking.milliseconds(v.execution_timestamp, v.load_date));
    v.db_session_user := session_user;
    v.client_ip := inet_client_addr();
    v.tenant_hk := script_tracking.session_tenant();
    v.version_number := nextval('script_tracking.version_sequence');
    v.log_xid := pg_current_xact_id();
    v.hash_diff := script_tracking.calculate_hash_diff(v);
    INSERT INTO script_tracking.script_execution_s VALUES (v.*);
    PERFORM script_tracking.report_completion(v.script_execution_hk, v.script_name, v.script_type, v.execution_status,
        v.execution_duration_ms);
    RETURN v.script_execution_hk;
END
$$;

CALL script_tracking.allow(
    'script_tracking.write_finished(text, text, timestamptz, integer, boolean, text, text[], text, jsonb, text, text)');
-- Gives a caller's key to the operation p_execution_hk and returns NULL, or returns the operation that has it already
-- with the same content. Another content is a conflict. A session that claims the same key now is waited for.
CREATE OR REPLACE FUNCTION script_tracking.claim_key(p_key text, p_content jsonb, p_execution_hk bytea) RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_hk bytea := script_tracking.session_tenant();
    v_key_hash bytea;
    v_content_hash bytea := sha256(convert_to(p_content::text, 'UTF8'));
    v_earlier script_tracking.idempotency_key;
BEGIN
    IF length(p_key) NOT BETWEEN 1 AND 255 THEN
        RAISE EXCEPTION 'p_idempotency_key is % characters long; it must have 1 to 255', length(p_key)
            USING ERRCODE = CASE p_key WHEN '' THEN 'invalid_parameter_value' ELSE 'string_data_right_truncation' END;
    END IF;
    -- 32 bytes first, whatever the tenant: no other tenant's key can spell the same.
    v_key_hash := sha256(coalesce(v_tenant_hk, decode(repeat('00', 32), 'hex')) || convert_to(p_key, 'UTF8'));
    INSERT INTO script_tracking.idempotency_key (key_hash, content_hash, script_execution_hk, tenant_hk)
    VALUES (v_key_hash, v_content_hash, p_execution_hk, v_tenant_hk)
    ON CONFLICT (key_hash) DO NOTHING;
    IF FOUND THEN
        RETURN NULL;
    END IF;
    SELECT * INTO v_earlier FROM script_tracking.idempotency_key WHERE key_hash = v_key_hash;
    IF v_earlier.content_hash IS DISTINCT FROM v_content_hash THEN
        RAISE EXCEPTION 'p_idempotency_key % was used for another content', quote_literal(p_key)
            USING ERRCODE = 'unique_violation',
                  DETAIL = format('This content hashes to %s, that of operation %s to %s.', encode(v_content_hash, 'hex'),
                                  encode(v_earlier.script_execution_hk, 'hex'), encode(v_earlier.content_hash, 'hex')),
                  HINT = 'Retry with the same content, or take another key.';
    END IF;
    RETURN v_earlier.script_execution_hk;
END
$$;

CALL script_tracking.allow('script_tracking.claim_key(text, jsonb, bytea)');
-- Starts an operation; returns its hash key, for complete_operation. The hot path: it does what start_operation does,
-- without details, in a third of the time.
CREATE OR REPLACE FUNCTION script_tracking.track_operation(
    p_script_name varchar(255), p_script_type varchar(50) DEFAULT 'MANUAL')
RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
    v_tenant_hk bytea := (
        SELECT CASE WHEN b.trusted THEN script_tracking.chosen_tenant() ELSE b.tenant_hk END
        FROM script_tracking.login_binding b WHERE b.login = session_user);
    v_business_key text;
    v_execution_hk bytea;
BEGIN
    IF (length(p_script_name) BETWEEN 1 AND 255 AND length(p_script_type) BETWEEN 1 AND 50 AND p_script_type <> 'OVERALL') IS NOT TRUE THEN
        PERFORM script_tracking.check_name(p_script_name, p_script_type);
    END IF;
    v_business_key := left(p_script_name, 200) || to_char(v_now AT TIME ZONE 'UTC', '_YYYY-MM-DD_HH24:MI:SS.US_')
        || left(gen_random_uuid()::text, 6);
    v_execution_hk := sha256(convert_to(v_business_key, 'UTF8'));
    INSERT INTO script_tracking.script_execution_h
        (script_execution_hk, script_execution_bk, tenant_hk, load_date, record_source)
    VALUES (v_execution_hk, v_business_key, v_tenant_hk, v_now, 'sql');
    INSERT INTO script_tracking.script_execution_s
        (script_execution_hk, load_date, hash_diff, script_name, script_type, execution_status, execution_timestamp,
         db_session_user, client_ip, record_source, tenant_hk)
    VALUES (v_execution_hk, v_now,
        sha256(convert_to(jsonb_build_array('v1', p_script_name, p_script_type, 'RUNNING',
            (extract(epoch FROM v_now) * 1000000)::bigint, NULL::integer, session_user, host(inet_client_addr()), NULL::jsonb,
            NULL::text, NULL::text, NULL::jsonb)::text, 'UTF8')),
        p_script_name, p_script_type, 'RUNNING', v_now, session_user, inet_client_addr(), 'sql', v_tenant_hk);
    IF random() < 0.0001 THEN
        PERFORM script_tracking.fold_operation_count(v_tenant_hk);
    END IF;
    RETURN v_execution_hk;
END
$$;

CALL script_tracking.allow('script_tracking.track_operation(varchar, varchar)', 'script_tracking_writer');
-- Starts an operation with all that is known of it. The caller's own key makes a retry safe: same key and same content
-- gives the same operation, and adds nothing.
CREATE OR REPLACE FUNCTION script_tracking.start_operation(
    p_script_name varchar(255), p_script_type varchar(50) DEFAULT 'MANUAL', p_affected_objects text[] DEFAULT NULL,
    p_sql_command text DEFAULT NULL, p_metadata jsonb DEFAULT NULL, p_idempotency_key text DEFAULT NULL)
RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v script_tracking.script_execution_s;
    v_business_key text;
    v_earlier_hk bytea;
BEGIN
    PERFORM script_tracking.check_name(p_script_name, p_script_type),
            script_tracking.check_objects(p_affected_objects),
            script_tracking.check_text('p_sql_command', p_sql_command),
            script_tracking.check_metadata(p_metadata);
    v.script_name := p_script_name;
    v.script_type := p_script_type;
    v.affected_objects := p_affected_objects;
    v.sql_command := p_sql_command;
    v.metadata := p_metadata;
    v.load_date := clock_timestamp();
    v.execution_timestamp := v.load_date;
    v.record_source := 'sql';
    v_business_key := script_tracking.business_key(p_script_name, v.load_date);
    IF p_idempotency_key IS NOT NULL THEN
        v_earlier_hk := script_tracking.claim_key(p_idempotency_key,
            jsonb_build_array('start', p_script_name, p_script_type, to_jsonb(p_affected_objects), p_sql_command, p_metadata),
            sha256(convert_to(v_business_key, 'UTF8')));
        IF v_earlier_hk IS NOT NULL THEN
            RETURN v_earlier_hk;
        END IF;
    END IF;
    RETURN script_tracking.write_start(v, v_business_key);
END
$$;

CALL script_tracking.allow('script_tracking.start_operation(varchar, varchar, text[], text, jsonb, text)', 'script_tracking_writer');
-- Ends a running operation; true when recorded, false (nothing changed) when it is unknown or has ended already.
CREATE OR REPLACE FUNCTION script_tracking.complete_operation(
    p_execution_hk bytea, p_success boolean DEFAULT true, p_error_message text DEFAULT NULL)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v script_tracking.script_execution_s;
    v_now timestamptz := clock_timestamp();
    v_status text;
    v_duration_ms integer;
BEGIN
    IF p_execution_hk IS NULL OR p_success IS NULL THEN
        RAISE EXCEPTION '% must not be NULL', CASE WHEN p_execution_hk IS NULL THEN 'p_execution_hk' ELSE 'p_success' END
            USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF p_error_message IS NOT NULL THEN
        PERFORM script_tracking.check_text('p_error_message', p_error_message);
    END IF;
    -- Finding, judging and closing the open version is one statement, so two completions can't both do it. Unequal to
    -- both endings, not equal to RUNNING: the index of running operations must not be used to find one by its key.
    LOOP
        UPDATE script_tracking.script_execution_s
        SET load_end_date = greatest(v_now, load_date + interval '1 microsecond')
        WHERE script_execution_hk = p_execution_hk AND load_end_date IS NULL
            AND execution_status <> 'COMPLETED' AND execution_status <> 'FAILED'
        RETURNING * INTO v;
        EXIT WHEN FOUND;
        -- An annotation may have closed the version that the UPDATE waited for: then there is a new one, which this
        -- statement's snapshot sees at READ COMMITTED (above, the UPDATE has failed with 40001).
        PERFORM FROM script_tracking.script_execution_s
        WHERE script_execution_hk = p_execution_hk AND load_end_date IS NULL
            AND execution_status <> 'COMPLETED' AND execution_status <> 'FAILED';
        IF NOT FOUND THEN
            RETURN false;
        END IF;
    END LOOP;
    v_status := CASE WHEN p_success THEN 'COMPLETED' ELSE 'FAILED' END;
    v_duration_ms := floor(least(greatest(
        extract(epoch FROM v.load_end_date) - extract(epoch FROM v.execution_timestamp), 0) * 1000, 2147483647));
    INSERT INTO script_tracking.script_execution_s
        (script_execution_hk, load_date, hash_diff, script_name, script_type, execution_status, execution_timestamp,
         execution_duration_ms, db_session_user, client_ip, affected_objects, sql_command, error_message, metadata,
         record_source, tenant_hk, recorded_by)
    VALUES (p_execution_hk, v.load_end_date,
        sha256(convert_to(jsonb_build_array('v1', v.script_name, v.script_type, v_status,
            (extract(epoch FROM v.execution_timestamp) * 1000000)::bigint, v_duration_ms, v.db_session_user, host(v.client_ip),
            to_jsonb(v.affected_objects), v.sql_command, p_error_message, v.metadata)::text, 'UTF8')),
        v.script_name, v.script_type, v_status, v.execution_timestamp, v_duration_ms, v.db_session_user, v.client_ip,
        v.affected_objects, v.sql_command, p_error_message, v.metadata, 'sql', v.tenant_hk,
        nullif(session_user, v.db_session_user));
    IF (SELECT value = 'on' FROM script_tracking.setting WHERE name = 'audit_log') THEN
        PERFORM script_tracking.report_completion(p_execution_hk, v.script_name, v.script_type, v_status, v_duration_ms);
    END IF;
    RETURN true;
END
$$;

CALL script_tracking.allow('script_tracking.complete_operation(bytea, boolean, text)', 'script_tracking_writer');
-- Adds to what is known of a running operation: metadata is merged key by key, objects are appended where they are not
-- there yet, a SQL text replaces the one before. True when the operation now says so, also when it did before (that
-- adds no version); false when it is unknown or has ended.
CREATE OR REPLACE FUNCTION script_tracking.annotate_operation(
    p_execution_hk bytea, p_metadata jsonb DEFAULT NULL, p_affected_objects text[] DEFAULT NULL,
    p_sql_command text DEFAULT NULL)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v script_tracking.script_execution_s;
    v_open_load_date timestamptz;
    v_open_hash_diff bytea;
BEGIN
    IF p_execution_hk IS NULL THEN
        RAISE EXCEPTION 'p_execution_hk must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    PERFORM script_tracking.check_metadata(p_metadata),
            script_tracking.check_objects(p_affected_objects),
            script_tracking.check_text('p_sql_command', p_sql_command);
    LOOP  -- as in complete_operation
        SELECT * INTO v FROM script_tracking.script_execution_s
        WHERE script_execution_hk = p_execution_hk ORDER BY load_date DESC LIMIT 1;
        IF NOT FOUND OR v.execution_status <> 'RUNNING' THEN
            RETURN false;
        END IF;
        v_open_load_date := v.load_date;
        v_open_hash_diff := v.hash_diff;
        v.load_date := clock_timestamp();
        v.record_source := 'sql';
        IF p_metadata IS NOT NULL THEN
            v.metadata := coalesce(v.metadata, '{}') || p_metadata;
            PERFORM script_tracking.check_metadata(v.metadata);
        END IF;
        IF p_affected_objects IS NOT NULL THEN
            v.affected_objects := script_tracking.add_objects(v.affected_objects, p_affected_objects);
            PERFORM script_tracking.check_objects(v.affected_objects);
        END IF;
        v.sql_command := coalesce(p_sql_command, v.sql_command);
        v.hash_diff := script_tracking.calculate_hash_diff(v);
        IF v.hash_diff = v_open_hash_diff THEN
            RETURN true;
        END IF;
        EXIT WHEN script_tracking.write_next(v_open_load_date, v);
    END LOOP;
    RETURN true;
END
$$;

CALL script_tracking.allow('script_tracking.annotate_operation(bytea, jsonb, text[], text)', 'script_tracking_writer');
-- Records an operation that has ended, in one call. Without a time it ended now; without a duration the times tell.
CREATE OR REPLACE FUNCTION script_tracking.record_operation(
    p_script_name varchar(255), p_script_type varchar(50) DEFAULT 'MANUAL', p_execution_timestamp timestamptz DEFAULT NULL,
    p_duration_ms integer DEFAULT NULL, p_success boolean DEFAULT true, p_error_message text DEFAULT NULL,
    p_affected_objects text[] DEFAULT NULL, p_sql_command text DEFAULT NULL, p_metadata jsonb DEFAULT NULL,
    p_idempotency_key text DEFAULT NULL)
RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_business_key text;
    v_earlier_hk bytea;
BEGIN
    IF p_success IS NULL THEN
        RAISE EXCEPTION 'p_success must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF p_duration_ms < 0 THEN
        RAISE EXCEPTION 'p_duration_ms must not be negative, as % is', p_duration_ms
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF NOT isfinite(p_execution_timestamp) THEN
        RAISE EXCEPTION 'p_execution_timestamp must be finite' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF p_idempotency_key IS NOT NULL THEN
        PERFORM script_tracking.check_name(p_script_name, p_script_type);
        v_business_key := script_tracking.business_key(p_script_name, coalesce(p_execution_timestamp, clock_timestamp()));
        v_earlier_hk := script_tracking.claim_key(p_idempotency_key,
            jsonb_build_array('record', p_script_name, p_script_type, extract(epoch FROM p_execution_timestamp), p_duration_ms,
                p_success, p_error_message, to_jsonb(p_affected_objects), p_sql_command, p_metadata),
            sha256(convert_to(v_business_key, 'UTF8')));
        IF v_earlier_hk IS NOT NULL THEN
            RETURN v_earlier_hk;
        END IF;
    END IF;
    RETURN script_tracking.write_finished(p_script_name, p_script_type, p_execution_timestamp, p_duration_ms, p_success,
        p_error_message, p_affected_objects, p_sql_command, p_metadata, 'sql', v_business_key);
END
$$;

CALL script_tracking.allow('script_tracking.record_operation(varchar, varchar, timestamptz, integer, boolean, text, text[], '
    'text, jsonb, text)', 'script_tracking_writer');
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
-- Records many operations that have ended, in one call and one transaction: one row a place in the arrays. A NULL array
-- means the default everywhere. A conflict of one key fails that one only; bad input fails the call, and says where.
CREATE OR REPLACE FUNCTION script_tracking.record_operations(
    p_script_names text[], p_script_types text[] DEFAULT NULL, p_execution_timestamps timestamptz[] DEFAULT NULL,
    p_durations_ms integer[] DEFAULT NULL, p_success boolean[] DEFAULT NULL, p_error_messages text[] DEFAULT NULL,
    p_metadata jsonb[] DEFAULT NULL, p_idempotency_keys text[] DEFAULT NULL)
RETURNS TABLE (place integer, script_execution_hk bytea, conflict text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_count integer := cardinality(p_script_names);
BEGIN
    IF p_script_names IS NULL THEN
        RAISE EXCEPTION 'p_script_names must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    PERFORM script_tracking.check_place_count(v_count, 'p_script_types', cardinality(p_script_types)),
            script_tracking.check_place_count(v_count, 'p_execution_timestamps', cardinality(p_execution_timestamps)),
            script_tracking.check_place_count(v_count, 'p_durations_ms', cardinality(p_durations_ms)),
            script_tracking.check_place_count(v_count, 'p_success', cardinality(p_success)),
            script_tracking.check_place_count(v_count, 'p_error_messages', cardinality(p_error_messages)),
            script_tracking.check_place_count(v_count, 'p_metadata', cardinality(p_metadata)),
            script_tracking.check_place_count(v_count, 'p_idempotency_keys', cardinality(p_idempotency_keys));
    FOR v_place IN 1 .. v_count LOOP
        place := v_place;
        conflict := NULL;
        IF p_idempotency_keys[v_place] IS NULL THEN
            script_execution_hk := script_tracking.record_operation(p_script_names[v_place],
                coalesce(p_script_types[v_place], 'MANUAL'), p_execution_timestamps[v_place], p_durations_ms[v_place],
                coalesce(p_success[v_place], true), p_error_messages[v_place], NULL, NULL, p_metadata[v_place]);
        ELSE
            BEGIN
                script_execution_hk := script_tracking.record_operation(p_script_names[v_place],
                    coalesce(p_script_types[v_place], 'MANUAL'), p_execution_timestamps[v_place], p_durations_ms[v_place],
                    coalesce(p_success[v_place], true), p_error_messages[v_place], NULL, NULL, p_metadata[v_place],
                    p_idempotency_keys[v_place]);
            EXCEPTION
                WHEN unique_violation THEN
                    script_execution_hk := NULL;
                    conflict := SQLERRM;
            END;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;

CALL script_tracking.allow('script_tracking.record_operations(text[], text[], timestamptz[], integer[], boolean[], text[], '
    'jsonb[], text[])', 'script_tracking_writer');
-- What is counted of some operations.
DO $$
BEGIN
    IF to_regtype('script_tracking.tally') IS NULL THEN
        CREATE TYPE script_tracking.tally AS (
            operations bigint,
            ddl bigint,            -- of type DDL_AUTO
            completed bigint,
            failed bigint,
            timed bigint,          -- finished ones with a known duration
            duration_sum numeric,
            duration_max integer,
            p95 integer,           -- by nearest rank, rounded down to 7 significant bits
            script_type text       -- NULL: all types
        );
    END IF;
END
$$;
-- When a window of so many hours or days began. One longer than the calendar has no beginning.
CREATE OR REPLACE FUNCTION script_tracking.window_start(p_at timestamptz, p_field text, p_count integer, p_hours integer) RETURNS timestamptz
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_count IS NULL OR p_count < 1 THEN
        RAISE EXCEPTION '% must be from 1 to 2147483647, not %', p_field, coalesce(p_count::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- In hours: a day of 23 or 25 hours must not move it. 4,000 years go back to before any timestamp that is stored.
    IF p_count::bigint * p_hours > 4000 * 8766 THEN
        RETURN '-infinity';
    END IF;
    RETURN p_at - p_count * p_hours * interval '1 hour';
END
$$;

CALL script_tracking.allow('script_tracking.window_start(timestamptz, text, integer, integer)');
-- The tenants whose operations the session may see, for reports: row security alone would not let them use an index.
-- An admin sees all; a loose scan of the hub's index finds them, one probe a tenant.
CREATE OR REPLACE FUNCTION script_tracking.visible_tenants() RETURNS bytea[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenants bytea[] := '{}';
    v_tenant_hk bytea := script_tracking.session_tenant();
BEGIN
    IF NOT script_tracking.session_is_admin() THEN
        RETURN array_remove(ARRAY[v_tenant_hk], NULL);
    END IF;
    v_tenant_hk := '';
    LOOP
        SELECT tenant_hk INTO v_tenant_hk FROM script_tracking.script_execution_h
        WHERE tenant_hk > v_tenant_hk ORDER BY tenant_hk LIMIT 1;
        EXIT WHEN NOT FOUND;
        v_tenants := v_tenants || v_tenant_hk;
    END LOOP;
    RETURN v_tenants;
END
$$;

CALL script_tracking.allow('script_tracking.visible_tenants()');
-- Whether the session may see rows of no tenant.
CREATE OR REPLACE FUNCTION script_tracking.sees_system() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN script_tracking.session_tenant() IS NULL OR script_tracking.session_is_admin();
END
$$;

CALL script_tracking.allow('script_tracking.sees_system()');
-- The tenants whose operations the session may see, one a row and in order; NULL is the system.
CREATE OR REPLACE FUNCTION script_tracking.each_tenant() RETURNS SETOF bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT unnest(script_tracking.visible_tenants());
    IF script_tracking.sees_system() THEN
        RETURN NEXT NULL;
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.each_tenant()');
-- A query for columns of the current executions that fulfil a condition and that the session may see: $1 are the tenants
-- from visible_tenants(). Row security is no index condition, so tenants are named; a branch that has nothing to give is
-- left out, because the planner would start workers for it. A finished version is never closed, and an open RUNNING one
-- has an index of its own. Only our own texts come in here.
CREATE OR REPLACE FUNCTION script_tracking.seen_rows(p_columns text, p_condition text, p_states text[]) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT string_agg(format('SELECT %s FROM script_tracking.script_execution_s WHERE %s AND %s AND %s',
                                     p_columns, tenant, state, p_condition), ' UNION ALL ')
            FROM unnest(p_states) AS given (state),
                 unnest(CASE WHEN script_tracking.sees_system() THEN '{tenant_hk = ANY ($1),tenant_hk IS NULL}'::text[]
                             ELSE '{tenant_hk = ANY ($1)}' END) AS allowed (tenant));
END
$$;

CALL script_tracking.allow('script_tracking.seen_rows(text, text, text[])');
-- p_part / p_whole with two places, rounded half away from zero; exact, where a division of numerics may not be.
-- NULL when there is no whole. Neither is negative.
CREATE OR REPLACE FUNCTION script_tracking.hundredths(p_part numeric, p_whole numeric) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE WHEN p_whole > 0 THEN div(200 * p_part + p_whole, 2 * p_whole) * 0.01 END;
END
$$;

CALL script_tracking.allow('script_tracking.hundredths(numeric, numeric)');
-- The word for a share of p_whole: above 95 %, above 90, above 80, or less. Compared exactly.
CREATE OR REPLACE FUNCTION script_tracking.rate_success(p_part numeric, p_whole numeric) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE
        WHEN p_part * 100 > p_whole * 95 THEN 'EXCELLENT'
        WHEN p_part * 100 > p_whole * 90 THEN 'GOOD'
        WHEN p_part * 100 > p_whole * 80 THEN 'WARNING'
        ELSE 'POOR'
    END;
END
$$;

CALL script_tracking.allow('script_tracking.rate_success(numeric, numeric)');
-- The word for an average of p_sum / p_count milliseconds: below 10, below 500, below 1000, or more. Compared exactly.
CREATE OR REPLACE FUNCTION script_tracking.rate_duration(p_sum numeric, p_count numeric) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE
        WHEN p_sum < 10 * p_count THEN 'EXCELLENT'
        WHEN p_sum < 500 * p_count THEN 'GOOD'
        WHEN p_sum < 1000 * p_count THEN 'WARNING'
        ELSE 'POOR'
    END;
END
$$;

CALL script_tracking.allow('script_tracking.rate_duration(numeric, numeric)');
-- The word for a category: success and average together. Where no duration is known, success decides.
CREATE OR REPLACE FUNCTION script_tracking.rate_performance(p_completed numeric, p_finished numeric, p_duration_sum numeric, p_timed numeric) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE
        WHEN p_finished = 0 THEN 'NO_DATA'
        WHEN p_completed * 100 > p_finished * 95 AND (p_timed = 0 OR p_duration_sum < 100 * p_timed) THEN 'EXCELLENT'
        WHEN p_completed * 100 > p_finished * 90 AND (p_timed = 0 OR p_duration_sum < 500 * p_timed) THEN 'GOOD'
        WHEN p_completed * 100 > p_finished * 80 AND (p_timed = 0 OR p_duration_sum < 1000 * p_timed) THEN 'WARNING'
        ELSE 'POOR'
    END;
END
$$;

CALL script_tracking.allow('script_tracking.rate_performance(numeric, numeric, numeric, numeric)');
-- A duration rounded down to 7 significant bits, as p95 is: a histogram then gives it exactly.
CREATE OR REPLACE FUNCTION script_tracking.seven_bits(p_duration_ms integer) RETURNS integer
LANGUAGE plpgsql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_dropped integer := greatest(length(ltrim(p_duration_ms::bit(32)::text, '0')) - 7, 0);
BEGIN
    RETURN (p_duration_ms >> v_dropped) << v_dropped;
END
$$;

CALL script_tracking.allow('script_tracking.seven_bits(integer)');
-- Where p_now_part / p_now_whole is going: STABLE within 5 % of the earlier value. Cross-multiplied, so exact.
CREATE OR REPLACE FUNCTION script_tracking.direction(p_now_part numeric, p_now_whole numeric, p_earlier_part numeric, p_earlier_whole numeric) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE
        WHEN p_now_part IS NULL OR p_now_whole = 0 THEN 'NO_DATA'
        WHEN p_earlier_part IS NULL OR p_earlier_whole = 0 THEN 'NEW'
        WHEN p_now_part * p_earlier_whole * 100 > p_earlier_part * p_now_whole * 105 THEN 'UP'
        WHEN p_now_part * p_earlier_whole * 100 < p_earlier_part * p_now_whole * 95 THEN 'DOWN'
        ELSE 'STABLE'
    END;
END
$$;

CALL script_tracking.allow('script_tracking.direction(numeric, numeric, numeric, numeric)');
-- Counts the operations with p_after < execution_timestamp <= p_until: a row for all, then one a type where p_by_type
-- (which costs a sort more). What ended and what runs are counted apart: no expression is computed for a row that needs it not.
CREATE OR REPLACE FUNCTION script_tracking.tallies(p_after timestamptz, p_until timestamptz, p_by_type boolean)
RETURNS SETOF script_tracking.tally
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET max_parallel_workers_per_gather = 0  -- workers take longer to start than to help
SET work_mem = '16MB'  -- a day's rows are sorted in memory
AS $$
BEGIN
    RETURN QUERY EXECUTE format($query$
        WITH ended AS (
            SELECT count(*) AS operations, count(*) FILTER (WHERE script_type = 'DDL_AUTO') AS ddl,
                count(*) FILTER (WHERE execution_status = 'FAILED') AS failed, count(execution_duration_ms) AS timed,
                sum(execution_duration_ms) AS duration_sum, max(execution_duration_ms) AS duration_max,
                percentile_disc(0.95) WITHIN GROUP (ORDER BY execution_duration_ms) AS p95, %1$s AS script_type
            FROM (%2$s) AS seen %4$s
        ), running AS (
            SELECT count(*) AS operations, count(*) FILTER (WHERE script_type = 'DDL_AUTO') AS ddl, %1$s AS script_type
            FROM (%3$s) AS seen %4$s
        )
        SELECT coalesce(e.operations, 0) + coalesce(r.operations, 0), coalesce(e.ddl, 0) + coalesce(r.ddl, 0),
            coalesce(e.operations - e.failed, 0), coalesce(e.failed, 0), coalesce(e.timed, 0),
            coalesce(e.duration_sum, 0)::numeric, e.duration_max, script_tracking.seven_bits(e.p95),
            coalesce(e.script_type, r.script_type)
        FROM ended e FULL JOIN running r ON coalesce(e.script_type, 'OVERALL') = coalesce(r.script_type, 'OVERALL') $query$,
        CASE WHEN p_by_type THEN 'script_type::text' ELSE 'NULL::text' END,
        script_tracking.seen_rows('script_type, execution_status, execution_duration_ms',
            'execution_timestamp > $2 AND execution_timestamp <= $3', ARRAY['execution_status <> ''RUNNING''']),
        script_tracking.seen_rows('script_type', 'execution_timestamp > $2 AND execution_timestamp <= $3',
            ARRAY['execution_status = ''RUNNING'' AND load_end_date IS NULL']),
        CASE WHEN p_by_type THEN 'GROUP BY GROUPING SETS ((), (script_type))' ELSE '' END)
    USING script_tracking.visible_tenants(), p_after, p_until;
END
$$;

CALL script_tracking.allow('script_tracking.tallies(timestamptz, timestamptz, boolean)');
-- How many operations a tenant has (NULL: the system), as far as the session sees them: what operation_count has, and what came since.
CREATE OR REPLACE FUNCTION script_tracking.count_operations_of(p_tenant_hk bytea) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v script_tracking.operation_count;
BEGIN
    SELECT * INTO v FROM script_tracking.operation_count c
    WHERE coalesce(c.tenant_hk, '') = coalesce(p_tenant_hk, '')
        AND c.system_identifier = (SELECT system_identifier FROM pg_control_system());
    RETURN coalesce(v.operations, 0)
        + script_tracking.count_since(p_tenant_hk, coalesce(v.horizon, '0'), coalesce(v.pending, '{}'));
END
$$;

CALL script_tracking.allow('script_tracking.count_operations_of(bytea)');
-- How many operations the session may see: exact.
CREATE OR REPLACE FUNCTION script_tracking.count_operations() RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT coalesce(sum(script_tracking.count_operations_of(t)), 0) FROM script_tracking.each_tenant() AS t);
END
$$;

CALL script_tracking.allow('script_tracking.count_operations()');
-- How many operations that the session may see are running, and how many of them started before p_stale_before. Few are, whatever
-- statistics say: of the rows that were RUNNING, nearly all are closed.
CREATE OR REPLACE FUNCTION script_tracking.count_running(p_stale_before timestamptz, OUT running bigint, OUT stale bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    SELECT count(*), count(*) FILTER (WHERE s.execution_timestamp < p_stale_before) INTO running, stale
    FROM script_tracking.script_execution_s s
    WHERE s.execution_status = 'RUNNING' AND s.load_end_date IS NULL;
END
$$;

CALL script_tracking.allow('script_tracking.count_running(timestamptz)');
-- Bytes on disk of hub, satellite and callers' keys, with their indexes.
CREATE OR REPLACE FUNCTION script_tracking.storage_size() RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN pg_total_relation_size('script_tracking.script_execution_h')
        + pg_total_relation_size('script_tracking.script_execution_s')
        + pg_total_relation_size('script_tracking.idempotency_key');
END
$$;

CALL script_tracking.allow('script_tracking.storage_size()');
-- 0.6 S + 0.2 D + 0.2 L in percent, as numerator and denominator: success, durations, liveness, each 100 where there is
-- nothing to judge.
CREATE OR REPLACE FUNCTION script_tracking.health_score(p_all script_tracking.tally, p_running bigint, p_stale bigint) RETURNS numeric[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_finished numeric := greatest(p_all.completed + p_all.failed, 1);
    v_completed numeric := CASE p_all.completed + p_all.failed WHEN 0 THEN 1 ELSE p_all.completed END;
    v_running numeric := greatest(p_running, 1);
    v_alive numeric := CASE p_running WHEN 0 THEN 1 ELSE p_running - p_stale END;
    v_durations numeric := CASE
        WHEN p_all.timed = 0 OR p_all.duration_sum < 100 * p_all.timed THEN 100
        WHEN p_all.duration_sum < 500 * p_all.timed THEN 95
        WHEN p_all.duration_sum < 1000 * p_all.timed THEN 80
        ELSE 50
    END;
BEGIN
    RETURN ARRAY[600 * v_completed * v_running + 2 * v_durations * v_finished * v_running + 200 * v_alive * v_finished,
                 10 * v_finished * v_running];
END
$$;

CALL script_tracking.allow('script_tracking.health_score(script_tracking.tally, bigint, bigint)');
-- The dashboard as of p_at, so that it can be compared with another computation of the same instant.
CREATE OR REPLACE FUNCTION script_tracking.enterprise_dashboard_at(p_at timestamptz)
RETURNS TABLE (metric_name varchar(100), metric_value decimal(15,2), metric_unit varchar(20), status varchar(20),
    last_updated timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_yesterday timestamptz := p_at - interval '24 hours';
    v_all script_tracking.tally;
    v_running bigint;
    v_stale bigint;
    v_finished numeric;
    v_health numeric[];
BEGIN
    SELECT * INTO v_all FROM script_tracking.tallies(v_yesterday, 'infinity', false);
    SELECT c.running, c.stale INTO v_running, v_stale FROM script_tracking.count_running(v_yesterday) c;
    v_finished := v_all.completed + v_all.failed;
    v_health := script_tracking.health_score(v_all, v_running, v_stale);
    RETURN QUERY SELECT f.name::varchar, f.value::decimal(15,2), f.unit::varchar, f.word::varchar, p_at FROM (VALUES
        ('total_operations_24h', v_all.operations::numeric, 'count', 'NORMAL'),
        ('success_rate_24h', script_tracking.hundredths(100 * v_all.completed::numeric, v_finished), 'percentage',
            CASE v_finished WHEN 0 THEN 'NO_DATA' ELSE script_tracking.rate_success(v_all.completed, v_finished) END),
        ('avg_duration_ms', script_tracking.hundredths(v_all.duration_sum, v_all.timed), 'milliseconds',
            CASE v_all.timed WHEN 0 THEN 'NO_DATA' ELSE script_tracking.rate_duration(v_all.duration_sum, v_all.timed) END),
        ('failed_operations_24h', v_all.failed, 'count',
            CASE WHEN v_all.failed = 0 THEN 'NORMAL' WHEN v_all.failed * 5 >= v_finished THEN 'POOR' ELSE 'WARNING' END),
        ('system_health_score', script_tracking.hundredths(v_health[1], v_health[2]), 'percentage',
            script_tracking.rate_success(v_health[1], v_health[2] * 100)),
        ('p95_duration_ms_24h', v_all.p95, 'milliseconds',
            CASE v_all.timed WHEN 0 THEN 'NO_DATA' ELSE script_tracking.rate_duration(v_all.p95, 1) END),
        ('running_operations', v_running, 'count', 'NORMAL'),
        ('stale_operations', v_stale, 'count', CASE v_stale WHEN 0 THEN 'NORMAL' ELSE 'WARNING' END),
        ('ddl_operations_24h', v_all.ddl, 'count', 'NORMAL'),
        ('total_operations', script_tracking.count_operations(), 'count', 'NORMAL')
    ) AS f (name, value, unit, word);
END
$$;

CALL script_tracking.allow('script_tracking.enterprise_dashboard_at(timestamptz)', 'script_tracking_reader');
-- Ten figures of the last 24 hours.
CREATE OR REPLACE FUNCTION script_tracking.get_enterprise_dashboard()
RETURNS TABLE (metric_name varchar(100), metric_value decimal(15,2), metric_unit varchar(20), status varchar(20),
    last_updated timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT * FROM script_tracking.enterprise_dashboard_at(clock_timestamp());
END
$$;

CALL script_tracking.allow('script_tracking.get_enterprise_dashboard()', 'script_tracking_reader');
-- The performance metrics as of p_at: OVERALL, then each type seen in the window, in byte order.
CREATE OR REPLACE FUNCTION script_tracking.performance_metrics_at(p_at timestamptz)
RETURNS TABLE (metric_category varchar(50), metric_name varchar(100), current_value decimal(15,2), trend_direction varchar(10),
    performance_rating varchar(20))
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    WITH now AS (
        SELECT coalesce(t.script_type, 'OVERALL') AS category, t.*, t.completed + t.failed AS finished
        FROM script_tracking.tallies(p_at - interval '24 hours', 'infinity', true) t
    ), earlier AS (
        SELECT coalesce(t.script_type, 'OVERALL') AS category, t.*, t.completed + t.failed AS finished
        FROM script_tracking.tallies(p_at - interval '48 hours', p_at - interval '24 hours', true) t
    )
    SELECT n.category::varchar, f.name::varchar, script_tracking.hundredths(f.now_part, f.now_whole)::decimal(15,2),
        script_tracking.direction(f.now_part, f.now_whole, f.earlier_part, f.earlier_whole)::varchar,
        script_tracking.rate_performance(n.completed, n.finished, n.duration_sum, n.timed)::varchar
    FROM now n
    LEFT JOIN earlier e ON e.category = n.category
    CROSS JOIN LATERAL (VALUES
        (1, 'operations_24h', n.operations::numeric, 1::numeric, nullif(e.operations, 0)::numeric, 1::numeric),
        (2, 'success_rate_24h', 100 * n.completed, n.finished, 100 * e.completed, e.finished),
        (3, 'avg_duration_ms_24h', n.duration_sum, n.timed, e.duration_sum, e.timed),
        (4, 'p95_duration_ms_24h', n.p95, 1, e.p95, 1),
        (5, 'max_duration_ms_24h', n.duration_max, 1, e.duration_max, 1)
    ) AS f (place, name, now_part, now_whole, earlier_part, earlier_whole)
    ORDER BY n.script_type IS NOT NULL, n.script_type COLLATE "C", f.place;
END
$$;

CALL script_tracking.allow('script_tracking.performance_metrics_at(timestamptz)', 'script_tracking_reader');
-- Five figures a type, beside those of the 24 hours before.
CREATE OR REPLACE FUNCTION script_tracking.get_performance_metrics()
RETURNS TABLE (metric_category varchar(50), metric_name varchar(100), current_value decimal(15,2), trend_direction varchar(10),
    performance_rating varchar(20))
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT * FROM script_tracking.performance_metrics_at(clock_timestamp());
END
$$;

CALL script_tracking.allow('script_tracking.get_performance_metrics()', 'script_tracking_reader');
-- The history as of p_at. Equal times are in descending order of hash key.
CREATE OR REPLACE FUNCTION script_tracking.execution_history_at(p_at timestamptz, p_days integer)
RETURNS TABLE (script_name varchar(255), script_type varchar(50), execution_status varchar(20), execution_timestamp timestamptz,
    execution_duration_ms integer, db_session_user varchar(100), affected_objects text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET max_parallel_workers_per_gather = 0
AS $$
DECLARE
    v_after timestamptz := script_tracking.window_start(p_at, 'p_days', p_days, 24);
BEGIN
    RETURN QUERY EXECUTE format($query$
        SELECT script_name, script_type, execution_status, execution_timestamp, execution_duration_ms, db_session_user,
            affected_objects
        FROM (%s) AS seen ORDER BY execution_timestamp DESC, script_execution_hk DESC $query$,
        script_tracking.seen_rows('*', 'execution_timestamp > $2', ARRAY['execution_status <> ''RUNNING''',
            'execution_status = ''RUNNING'' AND load_end_date IS NULL']))
    USING script_tracking.visible_tenants(), v_after;
END
$$;

CALL script_tracking.allow('script_tracking.execution_history_at(timestamptz, integer)', 'script_tracking_reader');
-- One row an operation of the last days, newest first.
CREATE OR REPLACE FUNCTION script_tracking.get_execution_history(p_days integer DEFAULT 7)
RETURNS TABLE (script_name varchar(255), script_type varchar(50), execution_status varchar(20), execution_timestamp timestamptz,
    execution_duration_ms integer, db_session_user varchar(100), affected_objects text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT * FROM script_tracking.execution_history_at(clock_timestamp(), p_days);
END
$$;

CALL script_tracking.allow('script_tracking.get_execution_history(integer)', 'script_tracking_reader');
-- The failed operations as of p_at. Equal times are in descending order of hash key.
CREATE OR REPLACE FUNCTION script_tracking.recent_errors_at(p_at timestamptz, p_hours integer)
RETURNS TABLE (script_name varchar(255), error_message text, execution_timestamp timestamptz, db_session_user varchar(100),
    client_ip inet, affected_objects text[], metadata jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET max_parallel_workers_per_gather = 0
AS $$
DECLARE
    v_after timestamptz := script_tracking.window_start(p_at, 'p_hours', p_hours, 1);
BEGIN
    RETURN QUERY EXECUTE format($query$
        SELECT script_name, error_message, execution_timestamp, db_session_user, client_ip, affected_objects, metadata
        FROM (%s) AS seen ORDER BY execution_timestamp DESC, script_execution_hk DESC $query$,
        script_tracking.seen_rows('*', 'execution_timestamp > $2', ARRAY['execution_status = ''FAILED''']))
    USING script_tracking.visible_tenants(), v_after;
END
$$;

CALL script_tracking.allow('script_tracking.recent_errors_at(timestamptz, integer)', 'script_tracking_reader');
-- The operations of the last hours that failed, newest first.
CREATE OR REPLACE FUNCTION script_tracking.get_recent_errors(p_hours integer DEFAULT 24)
RETURNS TABLE (script_name varchar(255), error_message text, execution_timestamp timestamptz, db_session_user varchar(100),
    client_ip inet, affected_objects text[], metadata jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT * FROM script_tracking.recent_errors_at(clock_timestamp(), p_hours);
END
$$;

CALL script_tracking.allow('script_tracking.get_recent_errors(integer)', 'script_tracking_reader');
-- Every breach of a rule in the rows that the session may see: hashes recomputed, chains of versions followed.
CREATE OR REPLACE FUNCTION script_tracking.find_faults()
RETURNS TABLE (fault text, script_execution_hk bytea, load_date timestamptz, reason text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT f.fault, v.script_execution_hk, v.load_date, f.reason
    FROM (
        SELECT s.*, script_tracking.calculate_hash_diff(s) AS computed, h.script_execution_hk AS hub_hk,
            h.tenant_hk AS hub_tenant_hk, lead(s.load_date) OVER chain AS next_load_date,
            first_value(s) OVER chain AS first
        FROM script_tracking.script_execution_s s
        LEFT JOIN script_tracking.script_execution_h h USING (script_execution_hk)
        WINDOW chain AS (PARTITION BY s.script_execution_hk ORDER BY s.load_date)
    ) AS v
    CROSS JOIN LATERAL (VALUES
        ('ORPHAN_VERSION', v.hub_hk IS NULL, 'its hub is missing'),
        ('HASH_MISMATCH', v.hash_diff IS DISTINCT FROM v.computed, format('hash_diff is %s, its content has %s',
            encode(v.hash_diff, 'hex'), encode(v.computed, 'hex'))),
        ('OTHER', v.hub_hk IS NOT NULL AND v.tenant_hk IS DISTINCT FROM v.hub_tenant_hk, 'its tenant is not that of its hub'),
        ('OTHER', (v.script_name, v.script_type, v.execution_timestamp)
            IS DISTINCT FROM ((v.first).script_name, (v.first).script_type, (v.first).execution_timestamp),
            'its name, type or time differs from that of its operation'),
        ('OTHER', v.load_end_date <> v.next_load_date, 'its end is not the load date of the next version'),
        ('OTHER', v.load_end_date IS NOT NULL AND v.next_load_date IS NULL, 'it was closed, and no version follows'),
        ('OTHER', v.execution_status <> 'RUNNING' AND v.next_load_date IS NOT NULL, 'it had ended, and another version follows')
    ) AS f (fault, found, reason)
    WHERE f.found
    UNION ALL
    SELECT f.fault, o.script_execution_hk, NULL, f.reason
    FROM (
        SELECT h.script_execution_hk, h.script_execution_bk,
            (SELECT count(*) FROM script_tracking.script_execution_s s
             WHERE s.script_execution_hk = h.script_execution_hk AND s.load_end_date IS NULL) AS open
        FROM script_tracking.script_execution_h h
    ) AS o
    CROSS JOIN LATERAL (VALUES
        ('OPEN_VERSIONS', o.open <> 1, format('it has %s open versions, not 1', o.open)),
        ('HASH_MISMATCH', o.script_execution_hk <> sha256(convert_to(o.script_execution_bk, 'UTF8')),
            'its key is not the hash of its business key')
    ) AS f (fault, found, reason)
    WHERE f.found;
END
$$;

CALL script_tracking.allow('script_tracking.find_faults()', 'script_tracking_reader');
-- Recomputes every hash and checks every rule on the rows that the session may see; returns what breaks one, and keeps
-- the counts for get_system_health.
CREATE OR REPLACE FUNCTION script_tracking.verify()
RETURNS TABLE (fault text, script_execution_hk bytea, load_date timestamptz, reason text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_counts bigint[] := '{0,0,0,0}';
    v_at timestamptz := clock_timestamp();
BEGIN
    FOR fault, script_execution_hk, load_date, reason IN SELECT * FROM script_tracking.find_faults() LOOP
        CASE fault
            WHEN 'ORPHAN_VERSION' THEN v_counts[1] := v_counts[1] + 1;
            WHEN 'OPEN_VERSIONS' THEN v_counts[2] := v_counts[2] + 1;
            WHEN 'HASH_MISMATCH' THEN v_counts[3] := v_counts[3] + 1;
            ELSE v_counts[4] := v_counts[4] + 1;
        END CASE;
        RETURN NEXT;
    END LOOP;
    INSERT INTO script_tracking.verification (verified_at, sees_all, operations, versions, orphan_versions, open_versions,
        hash_mismatches, other, tenant_hk)
    VALUES (v_at, script_tracking.session_is_admin(), (SELECT count(*) FROM script_tracking.script_execution_h),
        (SELECT count(*) FROM script_tracking.script_execution_s), v_counts[1], v_counts[2], v_counts[3], v_counts[4],
        script_tracking.session_tenant());
    -- A superuser's own DELETE is in no count.
    PERFORM script_tracking.fold_operation_count(t.tenant_hk, true)
    FROM (SELECT script_tracking.each_tenant() UNION SELECT c.tenant_hk FROM script_tracking.operation_count c ORDER BY 1) AS t (tenant_hk);
END
$$;

CALL script_tracking.allow('script_tracking.verify()', 'script_tracking_writer');
-- What the session's last verify found. Nothing found is no proof: it says of when that is.
CREATE OR REPLACE FUNCTION script_tracking.integrity_health(p_at timestamptz)
RETURNS TABLE (health_category varchar(50), health_metric varchar(100), current_status varchar(20), details text,
    last_checked timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v script_tracking.verification;
BEGIN
    SELECT * INTO v FROM script_tracking.verification
    WHERE sees_all = script_tracking.session_is_admin() ORDER BY verified_at DESC LIMIT 1;
    RETURN QUERY SELECT 'INTEGRITY'::varchar, f.metric::varchar,
        CASE WHEN v.verified_at IS NULL THEN 'GOOD' WHEN f.found = 0 THEN 'EXCELLENT' ELSE 'POOR' END::varchar,
        CASE WHEN v.verified_at IS NULL THEN 'Never verified: run verify.'
            ELSE format('The verify of %s found %s %s.',
                to_char(v.verified_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), f.found, f.words) END,
        coalesce(v.verified_at, p_at)
    FROM (VALUES
        ('orphan_versions', v.orphan_versions, 'versions without a hub'),
        ('open_versions', v.open_versions, 'hubs without exactly one open version'),
        ('hash_mismatches', v.hash_mismatches, 'hashes that differ from their content')
    ) AS f (metric, found, words);
END
$$;

CALL script_tracking.allow('script_tracking.integrity_health(timestamptz)');
-- The health report as of p_at; capture, log and storage are those of now.
CREATE OR REPLACE FUNCTION script_tracking.system_health_at(p_at timestamptz)
RETURNS TABLE (health_category varchar(50), health_metric varchar(100), current_status varchar(20), details text,
    last_checked timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_all script_tracking.tally;
    v_running bigint;
    v_stale bigint;
    v_finished bigint;
BEGIN
    SELECT * INTO v_all FROM script_tracking.tallies(p_at - interval '24 hours', 'infinity', false);
    SELECT c.running, c.stale INTO v_running, v_stale FROM script_tracking.count_running(p_at - interval '24 hours') c;
    v_finished := v_all.completed + v_all.failed;
    RETURN QUERY SELECT f.category::varchar, f.metric::varchar, f.word::varchar, f.details, p_at FROM (VALUES
        ('PERFORMANCE', 'average_duration',
            CASE v_all.timed WHEN 0 THEN 'GOOD' ELSE script_tracking.rate_duration(v_all.duration_sum, v_all.timed) END,
            CASE v_all.timed WHEN 0 THEN 'No duration is known in 24 hours.'
                ELSE format('The average of %s durations in 24 hours is %s ms.', v_all.timed,
                            script_tracking.hundredths(v_all.duration_sum, v_all.timed)) END),
        ('PERFORMANCE', 'p95_duration',
            CASE v_all.timed WHEN 0 THEN 'GOOD' ELSE script_tracking.rate_duration(v_all.p95, 1) END,
            CASE v_all.timed WHEN 0 THEN 'No duration is known in 24 hours.'
                ELSE format('The 95th percentile of %s durations in 24 hours is %s ms.', v_all.timed,
                            v_all.p95::decimal(15,2)) END),
        ('RELIABILITY', 'success_rate',
            CASE v_finished WHEN 0 THEN 'GOOD' ELSE script_tracking.rate_success(v_all.completed, v_finished) END,
            CASE v_finished WHEN 0 THEN 'Nothing finished in 24 hours.'
                ELSE format('%s %% of %s finished operations in 24 hours succeeded.',
                            script_tracking.hundredths(100 * v_all.completed::numeric, v_finished), v_finished) END),
        ('RELIABILITY', 'recent_failures',
            CASE WHEN v_all.failed = 0 THEN 'EXCELLENT' WHEN v_all.failed * 20 < v_finished THEN 'GOOD'
                WHEN v_all.failed * 5 < v_finished THEN 'WARNING' ELSE 'POOR' END,
            format('%s of %s finished operations in 24 hours failed.', v_all.failed, v_finished)),
        ('LIVENESS', 'stale_operations',
            CASE WHEN v_stale = 0 THEN 'EXCELLENT' WHEN v_stale < 10 THEN 'WARNING' ELSE 'POOR' END,
            format('%s of %s running operations started over 24 hours ago.', v_stale, v_running))
    ) AS f (category, metric, word, details);
    RETURN QUERY SELECT * FROM script_tracking.integrity_health(p_at);
    RETURN QUERY SELECT f.category::varchar, f.metric::varchar, 'EXCELLENT'::varchar, f.details, p_at FROM (VALUES
        ('STORAGE', 'size', format('The store takes %s bytes on disk.', script_tracking.storage_size())),
        ('STORAGE', 'operations', format('%s operations are stored.', script_tracking.count_operations()))
    ) AS f (category, metric, details);
    RETURN QUERY SELECT s.health_category::varchar, s.health_metric::varchar, s.current_status::varchar, s.details, p_at
        FROM script_tracking.store_health() s;
END
$$;

CALL script_tracking.allow('script_tracking.system_health_at(timestamptz)', 'script_tracking_reader');
-- How the ledger and what it tracks are doing, one row a metric.
CREATE OR REPLACE FUNCTION script_tracking.get_system_health()
RETURNS TABLE (health_category varchar(50), health_metric varchar(100), current_status varchar(20), details text,
    last_checked timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT * FROM script_tracking.system_health_at(clock_timestamp());
END
$$;

CALL script_tracking.allow('script_tracking.get_system_health()', 'script_tracking_reader');
-- Removes operations whole, and takes them out of the counts they are in; returns how many there were. Whatever deletes from the hub
-- does it here, or operation_count is wrong.
CREATE OR REPLACE FUNCTION script_tracking.remove_operations(p_execution_hks bytea[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_removed integer;
BEGIN
    -- In one order, or two that remove could wait for each other. Locked before anything goes: no fold counts it then.
    PERFORM script_tracking.lock_operation_count(t.tenant_hk)
    FROM (SELECT DISTINCT h.tenant_hk FROM script_tracking.script_execution_h h
          WHERE h.script_execution_hk = ANY (p_execution_hks) ORDER BY 1) AS t;
    DELETE FROM script_tracking.idempotency_key k WHERE k.script_execution_hk = ANY (p_execution_hks);
    DELETE FROM script_tracking.script_execution_s s WHERE s.script_execution_hk = ANY (p_execution_hks);
    WITH gone AS (
        DELETE FROM script_tracking.script_execution_h h WHERE h.script_execution_hk = ANY (p_execution_hks)
        RETURNING h.tenant_hk, h.log_xid
    ), counted AS (
        UPDATE script_tracking.operation_count c
        SET operations = c.operations - (SELECT count(*) FROM gone g
            WHERE g.tenant_hk IS NOT DISTINCT FROM c.tenant_hk AND g.log_xid < c.horizon AND g.log_xid <> ALL (c.pending))
        WHERE coalesce(c.tenant_hk, '') IN (SELECT coalesce(g.tenant_hk, '') FROM gone g)
    )
    SELECT count(*) INTO v_removed FROM gone;
    RETURN v_removed;
END
$$;

CALL script_tracking.allow('script_tracking.remove_operations(bytea[])');
-- Removes at most p_limit finished operations that started before p_before; returns how many.
CREATE OR REPLACE FUNCTION script_tracking.cleanup_batch(p_before timestamptz, p_limit integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_old bytea[];
BEGIN
    EXECUTE format('SELECT array_agg(script_execution_hk) FROM (%s LIMIT $3) AS seen', script_tracking.seen_rows(
        'script_execution_hk', 'execution_timestamp < $2', ARRAY['execution_status <> ''RUNNING''']))
    INTO v_old USING script_tracking.visible_tenants(), p_before, p_limit;
    RETURN script_tracking.remove_operations(v_old);
END
$$;

CALL script_tracking.allow('script_tracking.cleanup_batch(timestamptz, integer)');
-- Removes what is older than p_before of the records beside the ledger that tell how capture went.
CREATE OR REPLACE FUNCTION script_tracking.cleanup_capture(p_before timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM script_tracking.capture_failure WHERE failed_at < p_before;
    DELETE FROM script_tracking.capture_switch_off WHERE switched_off_at < p_before;
END
$$;

CALL script_tracking.allow('script_tracking.cleanup_capture(timestamptz)');
-- Removes finished operations older than so many days, all in this transaction; returns how many. RUNNING ones stay.
CREATE OR REPLACE FUNCTION script_tracking.cleanup_old_data(p_retention_days integer DEFAULT 365) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_before timestamptz := script_tracking.window_start(clock_timestamp(), 'p_retention_days', p_retention_days, 24);
    v_removed integer := 0;
    v_batch integer;
BEGIN
    -- First, in one order: two cleanups at once must not wait for each other, nor find the same operations.
    PERFORM script_tracking.lock_operation_count(t) FROM script_tracking.each_tenant() AS t;
    LOOP
        v_batch := script_tracking.cleanup_batch(v_before, 10000);
        EXIT WHEN v_batch = 0;
        v_removed := v_removed + v_batch;
    END LOOP;
    PERFORM script_tracking.cleanup_capture(v_before);
    RETURN v_removed;
END
$$;

CALL script_tracking.allow('script_tracking.cleanup_old_data(integer)', 'script_tracking_admin');
-- One step of cleanup_old_data_batched; whether there may be more to do.
CREATE OR REPLACE FUNCTION script_tracking.cleanup_step(p_retention_days integer, p_batch integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_before timestamptz := script_tracking.window_start(clock_timestamp(), 'p_retention_days', p_retention_days, 24);
BEGIN
    IF p_batch IS NULL OR p_batch < 1 THEN
        RAISE EXCEPTION 'p_batch must be from 1 to 2147483647, not %', coalesce(p_batch::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- As in cleanup_old_data.
    PERFORM script_tracking.lock_operation_count(t) FROM script_tracking.each_tenant() AS t;
    PERFORM script_tracking.cleanup_capture(v_before);
    RETURN script_tracking.cleanup_batch(v_before, p_batch) = p_batch;
END
$$;

CALL script_tracking.allow('script_tracking.cleanup_step(integer, integer)', 'script_tracking_admin');
-- As cleanup_old_data, but each batch is committed: locks are short, and vacuum can follow. PostgreSQL refuses COMMIT in
-- a procedure that is SECURITY DEFINER or has a SET clause, so this one has neither, and does nothing but to call one.
CREATE OR REPLACE PROCEDURE script_tracking.cleanup_old_data_batched(
    p_retention_days integer DEFAULT 365, p_batch integer DEFAULT 1000)
LANGUAGE plpgsql
AS $$
BEGIN
    WHILE script_tracking.cleanup_step(p_retention_days, p_batch) LOOP
        COMMIT;
    END LOOP;
END
$$;

CALL script_tracking.allow('script_tracking.cleanup_old_data_batched(integer, integer)', 'script_tracking_admin');
-- The open version of each operation that the session may see: a view reads as its owner, whose row security is forced.
-- A finished version is never closed, so only RUNNING ones need load_end_date: this way every report has an index.
CREATE OR REPLACE VIEW script_tracking.current_executions AS
SELECT * FROM script_tracking.script_execution_s WHERE execution_status <> 'RUNNING'
UNION ALL
SELECT * FROM script_tracking.script_execution_s WHERE execution_status = 'RUNNING' AND load_end_date IS NULL;

CALL script_tracking.allow_table('script_tracking.current_executions', 'script_tracking_reader');
-- What is running now, of what the session may see, from an index of its own.
CREATE OR REPLACE VIEW script_tracking.running_operations AS
SELECT script_execution_hk, script_name, script_type, execution_timestamp, clock_timestamp() - execution_timestamp AS running_for,
    db_session_user, client_ip, affected_objects, sql_command, metadata, tenant_hk
FROM script_tracking.script_execution_s WHERE execution_status = 'RUNNING' AND load_end_date IS NULL;

CALL script_tracking.allow_table('script_tracking.running_operations', 'script_tracking_reader');
-- A time as answers give it: RFC 3339, UTC, whole seconds, whatever the session's TimeZone.
CREATE OR REPLACE FUNCTION script_tracking.utc_text(p_time timestamptz) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN to_char(p_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');
END
$$;

CALL script_tracking.allow('script_tracking.utc_text(timestamptz)', 'script_tracking_reader');
-- An error as data: the one shape of all jsonb answers, with the suggestions that the Rust core gives for the same code.
CREATE OR REPLACE FUNCTION script_tracking.error_response(
    p_error_code text, p_error_message text, p_operation_hk bytea DEFAULT NULL, p_suggestion text DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_suggestions text[] := CASE
        WHEN p_suggestion <> '' THEN ARRAY[p_suggestion]
        WHEN p_error_code = '23505' THEN ARRAY['Retry operation', 'Check for concurrent operations']
        WHEN p_error_code = '42883' THEN ARRAY['Install what the message names']
        WHEN p_error_code = '42501' THEN ARRAY['Ask an administrator for the right that the message names']
        WHEN p_error_code IN ('22001', '22004', '22023', '22P02') THEN ARRAY['Correct the value that the message names']
        ELSE '{}' END;
BEGIN
    RETURN jsonb_build_object('success', false, 'error_code', p_error_code, 'error_message', p_error_message,
        'details', jsonb_build_object('operation_id', encode(p_operation_hk, 'hex'),
            'timestamp', script_tracking.utc_text(clock_timestamp()), 'suggestions', to_jsonb(v_suggestions)));
END
$$;

CALL script_tracking.allow('script_tracking.error_response(text, text, bytea, text)', 'script_tracking_reader');
-- A success as data: p_answer, and the same details that an error has.
CREATE OR REPLACE FUNCTION script_tracking.success_response(p_answer jsonb, p_operation_hk bytea DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN p_answer || jsonb_build_object('success', true, 'details', jsonb_build_object(
        'operation_id', encode(p_operation_hk, 'hex'), 'timestamp', script_tracking.utc_text(clock_timestamp())));
END
$$;

CALL script_tracking.allow('script_tracking.success_response(jsonb, bytea)', 'script_tracking_reader');
-- The hash_diff of a version of a tenant, user, credential or session: its attributes as texts, in the columns' order.
CREATE OR REPLACE FUNCTION script_tracking.hash_texts(VARIADIC p_attributes text[]) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN sha256(convert_to((jsonb_build_array('v1') || to_jsonb(p_attributes))::text, 'UTF8'));
END
$$;

CALL script_tracking.allow('script_tracking.hash_texts(text[])', 'script_tracking_reader');
-- Who a user is: a tenant and an e-mail. Letters are folded in ASCII only, so that no locale changes a key.
CREATE OR REPLACE FUNCTION script_tracking.user_business_key(p_tenant_hk bytea, p_email text) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN encode(p_tenant_hk, 'hex') || ':' || lower(p_email COLLATE "C");
END
$$;

CALL script_tracking.allow('script_tracking.user_business_key(bytea, text)', 'script_tracking_reader');
-- The hash key of a user, known or not: all that operations ever hold of an e-mail.
CREATE OR REPLACE FUNCTION script_tracking.calculate_user_key(p_tenant_hk bytea, p_email text) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN sha256(convert_to(script_tracking.user_business_key(p_tenant_hk, p_email), 'UTF8'));
END
$$;

CALL script_tracking.allow('script_tracking.calculate_user_key(bytea, text)', 'script_tracking_reader');
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
-- bcrypt of a password. The password is a parameter of what is executed: no statement's text ever holds it.
CREATE OR REPLACE FUNCTION script_tracking.bcrypt(p_password text, p_salt text) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_hash text;
BEGIN
    EXECUTE format('SELECT %s.crypt($1, $2)', script_tracking.pgcrypto_schema()) INTO v_hash USING p_password, p_salt;
    RETURN v_hash;
END
$$;

CALL script_tracking.allow('script_tracking.bcrypt(text, text)');
-- A hash that no password has, to spend the time of a check on: its last 31 characters are no bcrypt output.
CREATE OR REPLACE FUNCTION script_tracking.bcrypt_dummy(p_cost integer) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN format('$2a$%s$%s%s', lpad(p_cost::text, 2, '0'), repeat('.', 22), repeat('*', 31));
END
$$;

CALL script_tracking.allow('script_tracking.bcrypt_dummy(integer)');
-- Whether the password is the one of the hash; NULL stands for an unknown user. It always takes the time of p_cost, which
-- no stored cost is above: what a lower stored cost leaves is spent, for 2^a + 2^a + 2^(a+1) + ... + 2^(b-1) = 2^b.
CREATE OR REPLACE FUNCTION script_tracking.check_password(p_password text, p_password_hash text, p_cost integer) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_hash text := coalesce(p_password_hash, script_tracking.bcrypt_dummy(p_cost));
    v_success boolean := script_tracking.bcrypt(p_password, v_hash) = v_hash;
BEGIN
    FOR v_cost IN substr(v_hash, 5, 2)::integer .. p_cost - 1 LOOP
        PERFORM script_tracking.bcrypt(p_password, script_tracking.bcrypt_dummy(v_cost));
    END LOOP;
    RETURN v_success;
END
$$;

CALL script_tracking.allow('script_tracking.check_password(text, text, integer)');
-- bcrypt reads 72 bytes: two passwords that differ only later would be the same one.
CREATE OR REPLACE FUNCTION script_tracking.check_password_length(p_password text) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF octet_length(p_password) > 72 THEN
        RAISE EXCEPTION 'password is % bytes long; the limit is 72', octet_length(p_password)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.check_password_length(text)');
-- Refuses a password that is too short, or of which bcrypt would ignore the end.
CREATE OR REPLACE FUNCTION script_tracking.check_new_password(p_password text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_least integer := script_tracking.get_setting('password_min_length')::integer;
BEGIN
    IF length(p_password) < v_least THEN
        RAISE EXCEPTION 'password must have % characters or more', v_least USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM script_tracking.check_password_length(p_password);
END
$$;

CALL script_tracking.allow('script_tracking.check_new_password(text)');
-- Refuses what is no e-mail address: a local part of ASCII atoms with dots, and a domain with two labels or more.
CREATE OR REPLACE FUNCTION script_tracking.check_email(p_email text) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF length(p_email) > 254 THEN
        RAISE EXCEPTION 'email is % characters long; the limit is 254', length(p_email)
            USING ERRCODE = 'string_data_right_truncation';
    END IF;
    IF p_email COLLATE "C" !~ ('^(?=[^@]{1,64}@)[A-Za-z0-9!#$%&''*+/=?^_`{|}~-]+([.][A-Za-z0-9!#$%&''*+/=?^_`{|}~-]+)*'
        '@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?[.])+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])$') THEN
        RAISE EXCEPTION 'email does not have the form name@domain'
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'ASCII only: write an international domain in its xn-- form.';
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.check_email(text)');
-- Refuses what can't be a login, before any user is looked for.
CREATE OR REPLACE FUNCTION script_tracking.check_login(p_email text, p_password text) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_email IS NULL OR p_password IS NULL THEN
        RAISE EXCEPTION '% must not be NULL', CASE WHEN p_email IS NULL THEN 'p_email' ELSE 'p_password' END
            USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF length(p_email) > 255 THEN
        RAISE EXCEPTION 'p_email is % characters long; the limit is 255', length(p_email)
            USING ERRCODE = 'string_data_right_truncation';
    END IF;
    PERFORM script_tracking.check_password_length(p_password);
END
$$;

CALL script_tracking.allow('script_tracking.check_login(text, text)');
-- Refuses registration data of another shape. What it refuses it does not repeat: a password may stand in any place.
CREATE OR REPLACE FUNCTION script_tracking.check_user_data(p_user_data jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_key text;
BEGIN
    IF p_user_data IS NULL THEN
        RAISE EXCEPTION 'p_user_data must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF jsonb_typeof(p_user_data) <> 'object' THEN
        RAISE EXCEPTION 'p_user_data must be an object, not %', jsonb_typeof(p_user_data)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOREACH v_key IN ARRAY ARRAY['email', 'password', 'tenant_id'] LOOP
        IF p_user_data->>v_key IS NULL THEN
            RAISE EXCEPTION '% must be there, and not null', v_key USING ERRCODE = 'null_value_not_allowed';
        END IF;
        IF jsonb_typeof(p_user_data->v_key) <> 'string' THEN
            RAISE EXCEPTION '% must be a string, not %', v_key, jsonb_typeof(p_user_data->v_key)
                USING ERRCODE = 'invalid_parameter_value';
        END IF;
    END LOOP;
    IF length(p_user_data->>'tenant_id') > 255 THEN
        RAISE EXCEPTION 'tenant_id is % characters long; the limit is 255', length(p_user_data->>'tenant_id')
            USING ERRCODE = 'string_data_right_truncation';
    END IF;
    IF p_user_data - ARRAY['email', 'password', 'tenant_id'] <> '{}' THEN
        RAISE EXCEPTION 'p_user_data has a key other than email, password and tenant_id'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.check_user_data(jsonb)');
-- Works for this tenant from here on, where the session's login may: a trusted login chooses it, a bound one has it
-- already, an admin sees all. Callers put script_tracking.tenant_hk back; an error does that by itself.
CREATE OR REPLACE FUNCTION script_tracking.choose_tenant(p_tenant_hk bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_tenant_hk IS NULL THEN
        RAISE EXCEPTION 'p_tenant_hk must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF octet_length(p_tenant_hk) <> 32 THEN
        RAISE EXCEPTION 'p_tenant_hk must have 32 bytes, not %', octet_length(p_tenant_hk)
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'It is script_tracking.calculate_hash_key of the tenant''s id.';
    END IF;
    PERFORM set_config('script_tracking.tenant_hk', encode(p_tenant_hk, 'hex'), true);
    IF script_tracking.session_tenant() IS DISTINCT FROM p_tenant_hk AND NOT script_tracking.session_is_admin() THEN
        RAISE EXCEPTION 'login % may not work for this tenant', quote_ident(session_user)
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'Let an administrator call script_tracking.bind_login or script_tracking.trust_login.';
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.choose_tenant(bytea)');
-- Records a login or registration, its outcome only, and completes the answer with the operation's key. The texts of
-- answers are constant: nothing that a user typed is in them, and of the e-mail the operation holds the user's hash key.
CREATE OR REPLACE FUNCTION script_tracking.record_authentication(
    p_script_name text, p_started timestamptz, p_user_hk bytea, p_answer jsonb)
RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_success boolean := p_answer->>'error_code' IS NULL;
    v_operation_hk bytea := script_tracking.write_finished(p_script_name, 'AUTHENTICATION', p_started,
        script_tracking.milliseconds(p_started, clock_timestamp()), v_success, p_answer->>'error_message', NULL, NULL,
        jsonb_strip_nulls(jsonb_build_object('user_hk', encode(p_user_hk, 'hex'), 'error_code', p_answer->>'error_code')),
        'record_authentication');
BEGIN
    IF v_success THEN
        RETURN script_tracking.success_response(p_answer, v_operation_hk);
    END IF;
    RETURN script_tracking.error_response(p_answer->>'error_code', p_answer->>'error_message', v_operation_hk,
        p_answer->>'suggestion');
END
$$;

CALL script_tracking.allow('script_tracking.record_authentication(text, timestamptz, bytea, jsonb)');
-- Registers a tenant and gives its hash key; one that is registered already stays as it is.
CREATE OR REPLACE FUNCTION auth.register_tenant(p_tenant_id varchar) RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_hk bytea;
    v_now timestamptz := clock_timestamp();
BEGIN
    IF p_tenant_id IS NULL THEN
        RAISE EXCEPTION 'p_tenant_id must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF length(p_tenant_id) > 255 THEN
        RAISE EXCEPTION 'p_tenant_id is % characters long; the limit is 255', length(p_tenant_id)
            USING ERRCODE = 'string_data_right_truncation';
    END IF;
    IF p_tenant_id = '' THEN
        RAISE EXCEPTION 'p_tenant_id must not be empty' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    v_tenant_hk := script_tracking.calculate_hash_key(p_tenant_id);
    INSERT INTO script_tracking.tenant_h (tenant_hk, tenant_bk, load_date, record_source)
    VALUES (v_tenant_hk, p_tenant_id, v_now, 'register_tenant')
    ON CONFLICT (tenant_hk) DO NOTHING;
    IF FOUND THEN
        INSERT INTO script_tracking.tenant_s (tenant_hk, load_date, hash_diff, tenant_id, registered_by, record_source)
        VALUES (v_tenant_hk, v_now, script_tracking.hash_texts(p_tenant_id, session_user), p_tenant_id,
            session_user, 'register_tenant');
    END IF;
    RETURN v_tenant_hk;
END
$$;

CALL script_tracking.allow('auth.register_tenant(varchar)', 'script_tracking_admin');
-- Writes a user's next credential, at today's cost, and closes the one before it.
CREATE OR REPLACE FUNCTION script_tracking.write_credential(
    p_user_hk bytea, p_tenant_hk bytea, p_password text, p_record_source text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_cost integer := script_tracking.get_setting('bcrypt_cost')::integer;
    v_salt text;
    v_hash text;
    v_now timestamptz;
    v_load_date timestamptz;
BEGIN
    EXECUTE format('SELECT %s.gen_salt($1, $2)', script_tracking.pgcrypto_schema()) INTO v_salt USING 'bf'::text, v_cost;
    v_hash := script_tracking.bcrypt(p_password, v_salt);
    -- One that came from another store at the same time is closed, not met.
    PERFORM pg_advisory_xact_lock(hashtextextended('opledger document credential' || encode(p_user_hk, 'hex'), 0));
    v_now := clock_timestamp();
    UPDATE script_tracking.credential_s SET load_end_date = greatest(v_now, load_date + interval '1 microsecond')
    WHERE user_hk = p_user_hk AND load_end_date IS NULL
    RETURNING load_end_date INTO v_load_date;
    INSERT INTO script_tracking.credential_s
        (user_hk, load_date, hash_diff, password_hash, bcrypt_cost, tenant_hk, record_source)
    VALUES (p_user_hk, coalesce(v_load_date, v_now), script_tracking.hash_texts(v_hash), v_hash, v_cost,
        p_tenant_hk, p_record_source);
END
$$;

CALL script_tracking.allow('script_tracking.write_credential(bytea, bytea, text, text)');
-- Writes a user and the first credential; raises what is wrong with the data.
CREATE OR REPLACE FUNCTION script_tracking.add_user(p_user_data jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_email text := p_user_data->>'email';
    v_tenant_hk bytea := script_tracking.calculate_hash_key(p_user_data->>'tenant_id');
    v_user_bk text;
    v_user_hk bytea;
    v_now timestamptz;
BEGIN
    PERFORM script_tracking.check_email(v_email), script_tracking.check_new_password(p_user_data->>'password'),
            script_tracking.choose_tenant(v_tenant_hk);
    IF NOT EXISTS (SELECT FROM script_tracking.tenant_h WHERE tenant_hk = v_tenant_hk) THEN
        RAISE EXCEPTION 'tenant_id is not the id of a registered tenant' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Let an administrator call auth.register_tenant.';
    END IF;
    v_user_bk := script_tracking.user_business_key(v_tenant_hk, v_email);
    v_user_hk := script_tracking.calculate_user_key(v_tenant_hk, v_email);
    v_now := clock_timestamp();
    INSERT INTO script_tracking.user_h (user_hk, user_bk, tenant_hk, load_date, record_source)
    VALUES (v_user_hk, v_user_bk, v_tenant_hk, v_now, 'register_user')
    ON CONFLICT (user_hk) DO NOTHING;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'a user with this e-mail is registered already' USING ERRCODE = 'unique_violation',
            HINT = 'Log in, or register another e-mail.';
    END IF;
    INSERT INTO script_tracking.user_s (user_hk, load_date, hash_diff, email, tenant_hk, record_source)
    VALUES (v_user_hk, v_now, script_tracking.hash_texts(v_email), v_email, v_tenant_hk, 'register_user');
    PERFORM script_tracking.write_credential(v_user_hk, v_tenant_hk, p_user_data->>'password', 'register_user');
    RETURN jsonb_build_object('user_hk', encode(v_user_hk, 'hex'), 'tenant_hk', encode(v_tenant_hk, 'hex'));
END
$$;

CALL script_tracking.allow('script_tracking.add_user(jsonb)');
-- Registers a user, where the site has no auth.register_user of its own. What is wrong is an answer, not an error, so
-- that it can be recorded.
CREATE OR REPLACE FUNCTION script_tracking.register_user(p_user_data jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_started timestamptz := clock_timestamp();
    v_chosen text := coalesce(current_setting('script_tracking.tenant_hk', true), '');
    v_user_hk bytea;
    v_code text;
    v_message text;
    v_hint text;
    v_answer jsonb;
BEGIN
    BEGIN
        PERFORM script_tracking.check_user_data(p_user_data);
        v_user_hk := script_tracking.calculate_user_key(
            script_tracking.calculate_hash_key(p_user_data->>'tenant_id'), p_user_data->>'email');
        v_answer := script_tracking.add_user(p_user_data);
    EXCEPTION
        WHEN string_data_right_truncation OR null_value_not_allowed OR invalid_parameter_value OR unique_violation
             OR insufficient_privilege OR undefined_function THEN
            GET STACKED DIAGNOSTICS v_code = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT, v_hint = PG_EXCEPTION_HINT;
            v_answer := jsonb_build_object('error_code', v_code, 'error_message', v_message, 'suggestion', v_hint);
    END;
    v_answer := script_tracking.record_authentication('User registration', v_started, v_user_hk, v_answer);
    PERFORM set_config('script_tracking.tenant_hk', v_chosen, true);
    RETURN v_answer;
END
$$;

CALL script_tracking.allow('script_tracking.register_user(jsonb)', 'script_tracking_writer');
-- Opens a session. Its token is in this answer and nowhere else; 256 random bits need no salt.
CREATE OR REPLACE FUNCTION script_tracking.open_session(p_user_hk bytea, p_tenant_hk bytea) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
    v_expires_at timestamptz := v_now + script_tracking.get_setting('session_minutes')::integer * interval '1 minute';
    v_token text;
    v_session_hk bytea;
BEGIN
    EXECUTE format('SELECT encode(%s.gen_random_bytes(32), ''hex'')', script_tracking.pgcrypto_schema()) INTO v_token;
    v_session_hk := script_tracking.calculate_hash_key(v_token);
    INSERT INTO script_tracking.session_h (session_hk, user_hk, tenant_hk, load_date, record_source)
    VALUES (v_session_hk, p_user_hk, p_tenant_hk, v_now, 'login_user');
    INSERT INTO script_tracking.session_s
        (session_hk, load_date, hash_diff, session_status, expires_at, tenant_hk, record_source)
    VALUES (v_session_hk, v_now, script_tracking.hash_texts('ACTIVE',
        (extract(epoch FROM v_expires_at) * 1000000)::bigint::text), 'ACTIVE', v_expires_at, p_tenant_hk, 'login_user');
    RETURN jsonb_build_object('session_token', v_token, 'expires_at', script_tracking.utc_text(v_expires_at),
        'user_hk', encode(p_user_hk, 'hex'), 'tenant_hk', encode(p_tenant_hk, 'hex'));
END
$$;

CALL script_tracking.allow('script_tracking.open_session(bytea, bytea)');
-- Checks a password and opens a session, or says why not. Unknown user and wrong password: the same way, the same words.
CREATE OR REPLACE FUNCTION script_tracking.attempt_login(p_user_hk bytea, p_password text, p_tenant_hk bytea) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_failures integer := script_tracking.get_setting('lockout_failures')::integer;
    v_minutes integer := script_tracking.get_setting('lockout_minutes')::integer;
    v_cost integer := script_tracking.get_setting('bcrypt_cost')::integer;
    v_credential script_tracking.credential_s;
    v_last bigint;
    v_locked boolean;
    v_success boolean;
BEGIN
    SELECT * INTO v_credential FROM script_tracking.credential_s WHERE user_hk = p_user_hk AND load_end_date IS NULL;
    LOOP
        SELECT coalesce(max(attempt_number), 0),
               count(*) = v_failures AND NOT bool_or(success)
               AND min(attempted_at) > clock_timestamp() - v_minutes * interval '1 minute'
        INTO v_last, v_locked
        FROM (SELECT * FROM script_tracking.login_attempt WHERE user_hk = p_user_hk
              ORDER BY attempt_number DESC LIMIT v_failures) AS latest;
        IF v_locked THEN
            -- Whatever the password: else an attacker could go on guessing. Not counted: else a lock would never end.
            RETURN jsonb_build_object('error_code', '28000',
                'error_message', format('too many failed logins within %s minutes', v_minutes),
                'suggestion', 'Log in again later');
        END IF;
        IF v_success IS NULL THEN
            v_success := script_tracking.check_password(p_password, v_credential.password_hash, greatest(v_cost,
                (SELECT max(bcrypt_cost) FROM script_tracking.credential_s
                 WHERE tenant_hk = p_tenant_hk AND load_end_date IS NULL)));
        END IF;
        INSERT INTO script_tracking.login_attempt (user_hk, attempt_number, attempted_at, success, tenant_hk)
        VALUES (p_user_hk, v_last + 1, clock_timestamp(), v_success, p_tenant_hk)
        ON CONFLICT (user_hk, attempt_number) DO NOTHING;
        -- Another attempt took that number: it may have been the one too many, even if this password is right.
        EXIT WHEN FOUND;
    END LOOP;
    IF NOT v_success THEN
        RETURN jsonb_build_object('error_code', '28P01', 'error_message', 'e-mail or password is wrong',
            'suggestion', 'Check e-mail and password');
    END IF;
    IF v_credential.bcrypt_cost <> v_cost THEN
        PERFORM script_tracking.write_credential(p_user_hk, p_tenant_hk, p_password, 'login_user');
    END IF;
    RETURN script_tracking.open_session(p_user_hk, p_tenant_hk);
END
$$;

CALL script_tracking.allow('script_tracking.attempt_login(bytea, text, bytea)');
-- Logs a user in, where the site has no auth.login_user of its own. A failure is an answer, not an error: an error would
-- undo the attempt that lock-out counts.
CREATE OR REPLACE FUNCTION script_tracking.login_user(p_email varchar(255), p_password varchar(255), p_tenant_hk bytea)
RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_started timestamptz := clock_timestamp();
    v_chosen text := coalesce(current_setting('script_tracking.tenant_hk', true), '');
    v_user_hk bytea;
    v_code text;
    v_message text;
    v_hint text;
    v_answer jsonb;
BEGIN
    BEGIN
        PERFORM script_tracking.check_login(p_email, p_password), script_tracking.choose_tenant(p_tenant_hk);
        v_user_hk := script_tracking.calculate_user_key(p_tenant_hk, p_email);
        v_answer := script_tracking.attempt_login(v_user_hk, p_password, p_tenant_hk);
    EXCEPTION
        WHEN string_data_right_truncation OR null_value_not_allowed OR invalid_parameter_value
             OR insufficient_privilege OR undefined_function THEN
            GET STACKED DIAGNOSTICS v_code = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT, v_hint = PG_EXCEPTION_HINT;
            v_answer := jsonb_build_object('error_code', v_code, 'error_message', v_message, 'suggestion', v_hint);
    END;
    v_answer := script_tracking.record_authentication('User login', v_started, v_user_hk, v_answer);
    PERFORM set_config('script_tracking.tenant_hk', v_chosen, true);
    RETURN v_answer;
END
$$;

CALL script_tracking.allow('script_tracking.login_user(varchar, varchar, bytea)', 'script_tracking_writer');
-- A function of the site's own that a tracking function wraps: it is there, and returns one jsonb.
CREATE OR REPLACE FUNCTION script_tracking.site_function(p_signature text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT oid::regproc::text FROM pg_proc
            WHERE oid = to_regprocedure(p_signature) AND prokind = 'f' AND prorettype = 'jsonb'::regtype AND NOT proretset);
END
$$;

CALL script_tracking.allow('script_tracking.site_function(text)', 'script_tracking_writer');
-- Calls the site's own function and records what it says of its success. Not SECURITY DEFINER: the site's code runs as
-- the caller, on the search_path that the caller's sessions begin with. Of an error the code is kept, not the text, which
-- may hold what the user typed.
CREATE OR REPLACE FUNCTION script_tracking.wrap_site_function(
    p_script_name text, p_call text, p_email text, p_tenant_hk bytea, p_password text, p_user_data jsonb)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_started timestamptz := clock_timestamp();
    v_chosen text := coalesce(current_setting('script_tracking.tenant_hk', true), '');
    v_user_hk bytea := script_tracking.calculate_user_key(p_tenant_hk, p_email);
    v_path text := (SELECT reset_val FROM pg_settings WHERE name = 'search_path');
    v_answer jsonb;
    v_code text;
    v_success boolean;
    v_operation_hk bytea;
BEGIN
    BEGIN
        PERFORM set_config('search_path', v_path, true);
        EXECUTE p_call INTO v_answer USING p_email::varchar, p_password::varchar, p_tenant_hk, p_user_data;
        PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
        v_code := substring(v_answer->>'error_code' FROM '^[0-9A-Z]{5}$');
    EXCEPTION
        WHEN OTHERS THEN
            v_code := SQLSTATE;
    END;
    v_success := coalesce(v_answer->>'success' = 'true', false);
    IF octet_length(p_tenant_hk) = 32 THEN
        PERFORM set_config('script_tracking.tenant_hk', encode(p_tenant_hk, 'hex'), true);
    END IF;
    v_operation_hk := script_tracking.record_operation(p_script_name, 'AUTHENTICATION', v_started, NULL, v_success,
        CASE WHEN NOT v_success THEN 'refused by the site' || coalesce(', ' || v_code, '') END, NULL, NULL,
        jsonb_strip_nulls(jsonb_build_object('user_hk', encode(v_user_hk, 'hex'),
            'error_code', CASE WHEN NOT v_success THEN v_code END)));
    PERFORM set_config('script_tracking.tenant_hk', v_chosen, true);
    RETURN coalesce(v_answer, script_tracking.error_response(coalesce(v_code, 'P0002'),
        CASE WHEN v_code IS NULL THEN 'the site''s own function returned NULL' ELSE 'the site''s own function failed' END,
        v_operation_hk, 'Call the site''s own function to see why'));
END
$$;

CALL script_tracking.allow('script_tracking.wrap_site_function(text, text, text, bytea, text, jsonb)', 'script_tracking_writer');
-- Logs a user in and records the outcome, by the site's own auth.login_user where there is one.
CREATE OR REPLACE FUNCTION auth.login_user_tracking(p_email varchar(255), p_password varchar(255), p_tenant_hk bytea)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_site text := script_tracking.site_function('auth.login_user(varchar, varchar, bytea)');
BEGIN
    IF v_site IS NULL THEN
        RETURN script_tracking.login_user(p_email, p_password, p_tenant_hk);
    END IF;
    RETURN script_tracking.wrap_site_function('User login', format('SELECT %s($1, $2, $3)', v_site), p_email, p_tenant_hk,
        p_password, NULL);
END
$$;

CALL script_tracking.allow('auth.login_user_tracking(varchar, varchar, bytea)', 'script_tracking_writer');
-- Registers a user and records the outcome, by the site's own auth.register_user where there is one.
CREATE OR REPLACE FUNCTION auth.register_user_tracking(p_user_data jsonb) RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_site text := script_tracking.site_function('auth.register_user(jsonb)');
    v_tenant_id text := p_user_data->>'tenant_id';
BEGIN
    IF v_site IS NULL THEN
        RETURN script_tracking.register_user(p_user_data);
    END IF;
    RETURN script_tracking.wrap_site_function('User registration', format('SELECT %s($4)', v_site), p_user_data->>'email',
        CASE WHEN length(v_tenant_id) <= 255 THEN script_tracking.calculate_hash_key(v_tenant_id) END, NULL, p_user_data);
END
$$;

CALL script_tracking.allow('auth.register_user_tracking(jsonb)', 'script_tracking_writer');
-- Whose session a token is. Unknown, revoked, expired and another tenant's: one answer. Records nothing: it only reads.
CREATE OR REPLACE FUNCTION auth.validate_session_tracking(p_session_token text, p_tenant_hk bytea) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_chosen text := coalesce(current_setting('script_tracking.tenant_hk', true), '');
    v_session_hk bytea := sha256(convert_to(p_session_token, 'UTF8'));
    v_code text;
    v_message text;
    v_hint text;
    v_answer jsonb;
BEGIN
    PERFORM script_tracking.choose_tenant(p_tenant_hk);
    SELECT jsonb_build_object('user_hk', encode(h.user_hk, 'hex'), 'tenant_hk', encode(h.tenant_hk, 'hex'),
        'email', u.email, 'expires_at', script_tracking.utc_text(s.expires_at))
    INTO v_answer
    FROM script_tracking.session_h h
    JOIN script_tracking.session_s s ON s.session_hk = h.session_hk AND s.load_end_date IS NULL
    JOIN script_tracking.user_s u ON u.user_hk = h.user_hk AND u.load_end_date IS NULL
    WHERE h.session_hk = v_session_hk AND h.tenant_hk = p_tenant_hk
      AND s.session_status = 'ACTIVE' AND s.expires_at > clock_timestamp();
    PERFORM set_config('script_tracking.tenant_hk', v_chosen, true);
    IF v_answer IS NULL THEN
        RETURN script_tracking.error_response('28000', 'the session is unknown, revoked or expired', NULL, 'Log in again');
    END IF;
    RETURN script_tracking.success_response(v_answer);
EXCEPTION
    WHEN null_value_not_allowed OR invalid_parameter_value OR insufficient_privilege THEN
        GET STACKED DIAGNOSTICS v_code = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT, v_hint = PG_EXCEPTION_HINT;
        RETURN script_tracking.error_response(v_code, v_message, NULL, v_hint);
END
$$;

CALL script_tracking.allow('auth.validate_session_tracking(text, bytea)', 'script_tracking_writer');
-- Ends a session. Of two at once, one does.
CREATE OR REPLACE FUNCTION auth.revoke_session_tracking(p_session_token text, p_tenant_hk bytea) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_chosen text := coalesce(current_setting('script_tracking.tenant_hk', true), '');
    v_now timestamptz := clock_timestamp();
    v_open script_tracking.session_s;
    v_code text;
    v_message text;
    v_hint text;
BEGIN
    PERFORM script_tracking.choose_tenant(p_tenant_hk);
    UPDATE script_tracking.session_s SET load_end_date = greatest(v_now, load_date + interval '1 microsecond')
    WHERE session_hk = sha256(convert_to(p_session_token, 'UTF8')) AND tenant_hk = p_tenant_hk
      AND load_end_date IS NULL AND session_status = 'ACTIVE' AND expires_at > v_now
    RETURNING * INTO v_open;
    IF FOUND THEN
        INSERT INTO script_tracking.session_s
            (session_hk, load_date, hash_diff, session_status, expires_at, tenant_hk, record_source)
        VALUES (v_open.session_hk, v_open.load_end_date, script_tracking.hash_texts('REVOKED',
            (extract(epoch FROM v_open.expires_at) * 1000000)::bigint::text), 'REVOKED', v_open.expires_at, p_tenant_hk,
            'revoke_session');
    END IF;
    PERFORM set_config('script_tracking.tenant_hk', v_chosen, true);
    IF v_open.session_hk IS NULL THEN
        RETURN script_tracking.error_response('28000', 'the session is unknown, revoked or expired', NULL,
            'Nothing is to be revoked');
    END IF;
    RETURN script_tracking.success_response('{}');
EXCEPTION
    WHEN null_value_not_allowed OR invalid_parameter_value OR insufficient_privilege THEN
        GET STACKED DIAGNOSTICS v_code = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT, v_hint = PG_EXCEPTION_HINT;
        RETURN script_tracking.error_response(v_code, v_message, NULL, v_hint);
END
$$;

CALL script_tracking.allow('auth.revoke_session_tracking(text, bytea)', 'script_tracking_writer');
-- Removes attempts to log in that are older than so many days, and sessions that expired before; returns how many of both.
-- Lock-out looks back a day at most, so it loses nothing.
CREATE OR REPLACE FUNCTION script_tracking.cleanup_old_logins(p_retention_days integer DEFAULT 365) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_before timestamptz := script_tracking.window_start(clock_timestamp(), 'p_retention_days', p_retention_days, 24);
    v_sessions bytea[] := ARRAY(SELECT session_hk FROM script_tracking.session_s
                                WHERE load_end_date IS NULL AND expires_at < v_before);
    v_attempts integer;
BEGIN
    DELETE FROM script_tracking.login_attempt WHERE attempted_at < v_before;
    GET DIAGNOSTICS v_attempts = ROW_COUNT;
    DELETE FROM script_tracking.session_s WHERE session_hk = ANY (v_sessions);
    DELETE FROM script_tracking.session_h WHERE session_hk = ANY (v_sessions);
    RETURN v_attempts + cardinality(v_sessions);
END
$$;

CALL script_tracking.allow('script_tracking.cleanup_old_logins(integer)', 'script_tracking_admin');
-- The DDL commands of a transaction that run now and may have others in them, by depth. Rows of a command that failed are rolled
-- back with it, and users may not write any: what a session says of itself (script_tracking.ddl_command) hides nothing.
CREATE UNLOGGED TABLE IF NOT EXISTS script_tracking.ddl_running (
    log_xid xid8,
    depth integer,
    PRIMARY KEY (log_xid, depth)
);
ALTER TABLE script_tracking.ddl_running ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.ddl_running', 'script_tracking_admin');
-- Whose DDL, and DDL in which schemas, is recorded: by default all is. Changes are recorded, and made by set_capture.
CREATE TABLE IF NOT EXISTS script_tracking.capture_rule (
    kind text NOT NULL,
    name name NOT NULL,
    captured boolean NOT NULL,
    PRIMARY KEY (kind, name),
    CONSTRAINT capture_rule_kind CHECK (kind IN ('role', 'schema'))
);
ALTER TABLE script_tracking.capture_rule ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.capture_rule', 'script_tracking_reader');
-- DDL that could not be recorded. No message: it might quote what was to be written.
CREATE TABLE IF NOT EXISTS script_tracking.capture_failure (
    failure_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    failed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    login name NOT NULL DEFAULT session_user,
    event text NOT NULL,
    tag text NOT NULL,
    sqlstate text NOT NULL
);
ALTER TABLE script_tracking.capture_failure ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE INDEX IF NOT EXISTS capture_failure_failed_at ON script_tracking.capture_failure (failed_at);
CALL script_tracking.allow_table('script_tracking.capture_failure', 'script_tracking_admin');
-- Each transaction in which a session had switched capture off and DDL went unrecorded, with the first such command.
CREATE TABLE IF NOT EXISTS script_tracking.capture_switch_off (
    log_xid xid8 PRIMARY KEY DEFAULT pg_current_xact_id(),
    switched_off_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    login name NOT NULL DEFAULT session_user,
    tag text NOT NULL
);
ALTER TABLE script_tracking.capture_switch_off ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.capture_switch_off', 'script_tracking_admin');
-- The event triggers that an install could create: one that is gone since is missing, one that never was is not permitted.
CREATE TABLE IF NOT EXISTS script_tracking.expected_event_trigger (
    name name PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE script_tracking.expected_event_trigger ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.expected_event_trigger', 'script_tracking_reader');
-- Written whoever's DDL it is; only admins are granted SELECT.
CALL script_tracking.put_policy('script_tracking.ddl_running', 'everyone', 'ALL', 'true');
-- No tenant's: everyone may know it. Nobody is granted more than SELECT; set_capture is for admins.
CALL script_tracking.put_policy('script_tracking.capture_rule', 'everyone', 'ALL', 'true');
-- Written whoever's DDL it was; only admins are granted SELECT.
CALL script_tracking.put_policy('script_tracking.capture_failure', 'everyone', 'ALL', 'true');
-- Written for whoever switched it off; only admins are granted SELECT.
CALL script_tracking.put_policy('script_tracking.capture_switch_off', 'everyone', 'ALL', 'true');
-- No tenant's: everyone may know it. Nobody is granted more than SELECT; an install writes it.
CALL script_tracking.put_policy('script_tracking.expected_event_trigger', 'everyone', 'ALL', 'true');
CREATE OR REPLACE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON script_tracking.capture_rule
    FOR EACH ROW EXECUTE FUNCTION script_tracking.record_setting_change();
-- Temporary objects are left out unless asked for: script_tracking.set_capture('schema', 'pg_temp', true).
INSERT INTO script_tracking.capture_rule (kind, name, captured) VALUES ('schema', 'pg_temp', false)
ON CONFLICT (kind, name) DO NOTHING;
-- Switches the recording of DDL off or on, for a login or for the objects of a schema. The change is recorded by a trigger.
CREATE OR REPLACE FUNCTION script_tracking.set_capture(p_kind text, p_name name, p_captured boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_kind IS NULL OR p_name IS NULL OR p_captured IS NULL THEN
        RAISE EXCEPTION 'p_kind, p_name and p_captured must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF p_kind NOT IN ('role', 'schema') THEN
        RAISE EXCEPTION 'p_kind must be role or schema, not %', quote_literal(p_kind)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF p_kind = 'role' AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = p_name) THEN
        RAISE EXCEPTION 'there is no role %', quote_ident(p_name) USING ERRCODE = 'undefined_object';
    END IF;
    INSERT INTO script_tracking.capture_rule AS r (kind, name, captured) VALUES (p_kind, p_name, p_captured)
    ON CONFLICT (kind, name) DO UPDATE SET captured = excluded.captured WHERE r.captured <> excluded.captured;
END
$$;

CALL script_tracking.allow('script_tracking.set_capture(text, name, boolean)', 'script_tracking_admin');
-- Whether this session has switched the recording of its DDL off, as only an admin may: SET script_tracking.enabled = off
CREATE OR REPLACE FUNCTION script_tracking.capture_is_off() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN coalesce(lower(current_setting('script_tracking.enabled', true)) IN ('off', 'false', 'no', '0'), false)
        AND script_tracking.session_is_admin();
END
$$;

CALL script_tracking.allow('script_tracking.capture_is_off()', 'script_tracking_reader');
-- A SQL text without its secrets: each string ('...', E'...', U&'...', $$...$$, $tag$...$tag$), comment and number of five digits or
-- more becomes a ?, then the text is cut to p_limit characters. Passwords stand in strings; keys and codes may be numbers.
-- Where the text alone doesn't tell its end (a backslash before a quote means one thing or the other by a setting that may
-- have changed since; a comment in a comment; a text cut short), all the rest counts as inside: too little is stored, never
-- too much. So it may also be cut before, at twice the limit, which bounds the time for huge scripts.
CREATE OR REPLACE FUNCTION script_tracking.redact_sql(p_text text, p_limit integer) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on  -- or a session could change what our literals say
AS $$
DECLARE
    -- What an identifier may hold is whatever is no other ASCII: a $ or a digit in one begins nothing.
    c_tag CONSTANT text := '^\$[^\x01-\x40\x5b-\x5e\x60\x7b-\x7f][^\x01-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f]*\$';
    c_tokens CONSTANT text :=
        '("(?:[^"]|"")*(?:"|$))'                                                   -- group 1: an identifier, kept
        '|''(?:[^''\\]|\\[^'']|'''')*(?:''|\\?$|\\''.*)'
        '|--[^\n\r]*'
        '|/\*(?:[^*/]|\*(?!/)|/(?!\*))*(?:\*/|/\*.*|$)'
        '|(?<![^\x01-\x23\x25-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f])(?:'            -- not in an identifier:
            '\$\$(?:[^$]|\$(?!\$))*(?:\$\$|$)'
            '|[0-9]{5,}'
            '|(\$[^\x01-\x40\x5b-\x5e\x60\x7b-\x7f][^\x01-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f]*\$.*))';  -- group 2: see below
    v_rest text := translate(left(p_text, 2 * p_limit), E'\x01', ' ');
    v_done text;
    v_tail text;
    v_tag text;
BEGIN
    -- \x01 marks what was taken out, and follows what was kept.
    IF (strpos(v_rest, '$') > 0) IS NOT TRUE THEN
        RETURN left(replace(replace(regexp_replace(v_rest, c_tokens, E'\\1\x01', 'g'), E'"\x01', '"'), E'\x01', '?'), p_limit);
    END IF;
    LOOP
        v_rest := regexp_replace(v_rest, c_tokens, E'\\1\x01\\2', 'g');
        v_tail := substring(v_rest FROM '\x01([^\x01]*)$');
        v_tag := substring(v_tail FROM c_tag);
        IF v_tag IS NULL THEN
            v_done := concat(v_done, v_rest);
            EXIT;
        END IF;
        -- A regular expression can't find the same tag again, strpos can. What follows it was not looked at yet.
        v_done := concat(v_done, left(v_rest, length(v_rest) - length(v_tail)));
        v_tail := substr(v_tail, length(v_tag) + 1);
        EXIT WHEN strpos(v_tail, v_tag) = 0 OR length(v_done) >= p_limit;
        v_rest := substr(v_tail, strpos(v_tail, v_tag) + length(v_tag));
    END LOOP;
    RETURN left(replace(replace(v_done, E'"\x01', '"'), E'\x01', '?'), p_limit);
END
$$;

CALL script_tracking.allow('script_tracking.redact_sql(text, integer)');
-- Marks FAILED each CONCURRENTLY whose start was committed and whose end will not come, and returns how many: p_known, which
-- this session began and knows to be over, or all whose backend does nothing. A backend that works is in a transaction, or between two of
-- one command, which then keeps a lock on its table. Called where such a command begins; anyone who writes may call it.
CREATE OR REPLACE FUNCTION script_tracking.fail_interrupted_ddl(p_known bytea DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on  -- or a session could change what our literals say
AS $$
DECLARE
    v script_tracking.script_execution_s;
    v_open_load_date timestamptz;
    v_failed integer := 0;
BEGIN
    FOR v IN
        SELECT s.* FROM script_tracking.script_execution_s s
        WHERE s.execution_status = 'RUNNING' AND s.load_end_date IS NULL AND s.script_type = 'DDL_AUTO'
          AND s.metadata->>'backend_pid' ~ '^\d{1,9}$'
          AND CASE WHEN p_known IS NOT NULL THEN s.script_execution_hk = p_known
              AND (s.metadata->>'backend_pid')::integer = pg_backend_pid() ELSE NOT EXISTS (
              SELECT FROM pg_locks l WHERE l.pid = (s.metadata->>'backend_pid')::integer AND l.granted
                AND (l.locktype = 'virtualxid' OR l.locktype = 'relation' AND l.mode = 'ShareUpdateExclusiveLock')) END
    LOOP
        v_open_load_date := v.load_date;
        v.load_date := clock_timestamp();
        v.execution_status := 'FAILED';
        v.error_message := 'It failed, or its session ended, after it had committed in part: an invalid index may be left.';
        v.record_source := 'fail_interrupted_ddl';
        -- When it failed is not known, so there is no duration.
        v.hash_diff := script_tracking.calculate_hash_diff(v);
        IF script_tracking.write_next(v_open_load_date, v) THEN
            v_failed := v_failed + 1;
        END IF;
    END LOOP;
    RETURN v_failed;
END
$$;

CALL script_tracking.allow('script_tracking.fail_interrupted_ddl(bytea)', 'script_tracking_writer');
-- What an event trigger does instead of failing the user's DDL: it warns, and counts the failure where that can be written.
CREATE OR REPLACE FUNCTION script_tracking.event_trigger_failed(p_event text, p_tag text, p_sqlstate text, p_message text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE WARNING 'Opledger could not record this %: %', p_tag, p_message
        USING DETAIL = format('%s, SQLSTATE %s', p_event, p_sqlstate),
              HINT = 'SELECT * FROM script_tracking.get_system_health();';
    BEGIN
        INSERT INTO script_tracking.capture_failure (event, tag, sqlstate) VALUES (p_event, p_tag, p_sqlstate);
    EXCEPTION
        WHEN OTHERS THEN RAISE WARNING 'Opledger could not count that either: %', SQLERRM;
    END;
END
$$;

CALL script_tracking.allow('script_tracking.event_trigger_failed(text, text, text, text)');
-- Writes the start of a command that will commit on its way, as only CONCURRENTLY does: if it fails then, no end comes, and
-- fail_interrupted_ddl() finds it. Returns its hash key in hex; '' when it is not to be recorded.
CREATE OR REPLACE FUNCTION script_tracking.event_trigger_start_concurrent(p_tag text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v script_tracking.script_execution_s;
BEGIN
    PERFORM script_tracking.fail_interrupted_ddl();
    IF script_tracking.capture_is_off() OR EXISTS (
        SELECT FROM script_tracking.capture_rule WHERE kind = 'role' AND name = session_user AND NOT captured) THEN
        RETURN '';
    END IF;
    v.script_name := p_tag;
    v.script_type := 'DDL_AUTO';
    v.load_date := clock_timestamp();
    v.execution_timestamp := v.load_date;
    v.sql_command := script_tracking.redact_sql(current_query(), 4000);
    v.metadata := jsonb_build_object('tag', p_tag, 'backend_pid', pg_backend_pid());
    v.record_source := 'event_trigger_ddl_start';
    RETURN encode(script_tracking.write_start(v, script_tracking.business_key(p_tag, v.load_date)), 'hex');
END
$$;

CALL script_tracking.allow('script_tracking.event_trigger_start_concurrent(text)');
-- Ends what event_trigger_start_concurrent wrote; true when there was such a start. p_command is as event_trigger_ddl_start
-- made it, or as its user changed it since. Where nothing was done (IF NOT EXISTS, a temporary table), nothing was committed on
-- the way either, and the start goes before anyone saw it.
CREATE OR REPLACE FUNCTION script_tracking.event_trigger_end_concurrent(
    p_command text[], p_done boolean, p_affected_objects text[], p_metadata jsonb)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_execution_hk bytea := decode(substring(p_command[5] FROM '^[0-9a-f]{64}$'), 'hex');
    v script_tracking.script_execution_s;
    v_open_load_date timestamptz;
BEGIN
    IF p_command[6] ~ '^[0-9a-f]{64}$' THEN
        PERFORM script_tracking.fail_interrupted_ddl(decode(p_command[6], 'hex'));
    END IF;
    IF NOT EXISTS (SELECT FROM script_tracking.script_execution_s WHERE script_execution_hk = v_execution_hk
                   AND record_source = 'event_trigger_ddl_start' AND script_name = p_metadata->>'tag'
                   AND metadata->>'backend_pid' = pg_backend_pid()::text) THEN
        RETURN false;
    END IF;
    IF NOT p_done THEN
        DELETE FROM script_tracking.script_execution_h
        WHERE script_execution_hk = v_execution_hk AND log_xid = pg_current_xact_id();
        IF FOUND THEN
            DELETE FROM script_tracking.script_execution_s WHERE script_execution_hk = v_execution_hk;
            RETURN true;
        END IF;
    END IF;
    LOOP
        SELECT * INTO v FROM script_tracking.script_execution_s
        WHERE script_execution_hk = v_execution_hk ORDER BY load_date DESC LIMIT 1;
        EXIT WHEN NOT FOUND OR v.execution_status <> 'RUNNING';
        v_open_load_date := v.load_date;
        v.load_date := clock_timestamp();
        v.execution_status := 'COMPLETED';
        v.execution_duration_ms := script_tracking.milliseconds(v.execution_timestamp, v.load_date);
        v.affected_objects := p_affected_objects;
        v.metadata := v.metadata || p_metadata;
        v.record_source := 'event_trigger_ddl_end';
        v.hash_diff := script_tracking.calculate_hash_diff(v);
        EXIT WHEN script_tracking.write_next(v_open_load_date, v);
    END LOOP;
    RETURN true;
END
$$;

CALL script_tracking.allow('script_tracking.event_trigger_end_concurrent(text[], boolean, text[], jsonb)');
-- Remembers when a DDL command began. script_tracking.ddl_command holds, while a command runs: depth, commands nested in it,
-- statement_timestamp, start, hash key of a start that had to be written, that of one before which got no end. It is the
-- session's, so it may say anything: whether a command is nested is told by ddl_running. Only what can run users' code is
-- written there; in what can't, DDL is another event trigger's, and counts. In doubt more is recorded.
-- Each expression costs a microsecond or two of everyone's DDL, PERFORM ten: hence few of them, and assignments.
CREATE OR REPLACE FUNCTION script_tracking.event_trigger_ddl_start() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_command text[] := string_to_array(current_setting('script_tracking.ddl_command', true), ' ');
    v_concurrently boolean;
    v_execution_hk text;
    v_interrupted_hk text;
    v_set text;
BEGIN
    -- Most commands: nothing runs, as far as the session says, and nothing can run in it.
    IF v_command = '{}' AND TG_TAG NOT IN ('CREATE TABLE AS', 'SELECT INTO', 'CREATE MATERIALIZED VIEW',
            'REFRESH MATERIALIZED VIEW', 'CREATE EXTENSION', 'ALTER EXTENSION', 'CREATE SCHEMA', 'CREATE INDEX', 'ALTER TABLE',
            'ALTER DOMAIN', 'IMPORT FOREIGN SCHEMA', 'DROP INDEX', 'REINDEX')
       AND current_setting('script_tracking.installing', true) IS DISTINCT FROM 'on' THEN
        v_set := set_config('script_tracking.ddl_command', '1 0 ' || extract(epoch FROM statement_timestamp()) || ' '
            || extract(epoch FROM clock_timestamp()) || '  ', false);
        RETURN;
    END IF;
    -- Our own install, upgrade or uninstall is not recorded: it says so, and its login may say so.
    IF coalesce(current_setting('script_tracking.installing', true), '') = 'on'
       AND pg_has_role(session_user, current_user, 'MEMBER') THEN
        RETURN;
    END IF;
    IF v_command[3] = extract(epoch FROM statement_timestamp())::text THEN
        INSERT INTO script_tracking.ddl_running (log_xid, depth)
        SELECT log_xid, max(depth) + 1 FROM script_tracking.ddl_running
        WHERE log_xid = pg_current_xact_id_if_assigned() GROUP BY log_xid;
        IF FOUND THEN
            IF v_command[1] ~ '^[0-9]{1,9}$' AND v_command[2] ~ '^[0-9]{1,9}$' THEN
                v_command[1] := v_command[1]::integer + 1;
                v_command[2] := v_command[2]::integer + 1;
                v_set := set_config('script_tracking.ddl_command', array_to_string(v_command, ' '), false);
            END IF;
            RETURN;
        END IF;
    ELSIF v_command <> '{}' THEN
        v_interrupted_hk := substring(concat(v_command[5], v_command[6]) FROM '^[0-9a-f]{64}$');
    END IF;
    v_concurrently := TG_TAG IN ('CREATE INDEX', 'DROP INDEX', 'ALTER TABLE', 'REINDEX')
        AND coalesce(current_query(), 'concurrently') ~* 'concurrently';
    -- DROP INDEX CONCURRENTLY refuses to run once anything was written.
    IF NOT (v_concurrently AND TG_TAG = 'DROP INDEX') THEN
        IF v_interrupted_hk <> '' THEN
            PERFORM script_tracking.fail_interrupted_ddl(decode(v_interrupted_hk, 'hex'));
            v_interrupted_hk := NULL;
        END IF;
        IF v_concurrently THEN
            v_execution_hk := script_tracking.event_trigger_start_concurrent(TG_TAG);
        END IF;
        -- Not where the row could be committed on the way.
        IF NOT v_concurrently AND TG_TAG IN ('CREATE TABLE AS', 'SELECT INTO', 'CREATE MATERIALIZED VIEW',
            'REFRESH MATERIALIZED VIEW', 'CREATE EXTENSION', 'ALTER EXTENSION', 'CREATE SCHEMA', 'CREATE INDEX', 'ALTER TABLE',
            'ALTER DOMAIN', 'IMPORT FOREIGN SCHEMA') THEN
            INSERT INTO script_tracking.ddl_running (log_xid, depth)
            SELECT pg_current_xact_id(), coalesce(max(depth), 0) + 1 FROM script_tracking.ddl_running
            WHERE log_xid = pg_current_xact_id_if_assigned();
        END IF;
    END IF;
    -- For the session: a setting of the transaction is lost where the command commits on its way.
    v_set := set_config('script_tracking.ddl_command', '1 0 ' || extract(epoch FROM statement_timestamp()) || ' '
        || extract(epoch FROM clock_timestamp()) || ' ' || coalesce(v_execution_hk, '') || ' ' || coalesce(v_interrupted_hk, ''),
        false);
EXCEPTION
    WHEN OTHERS THEN
        PERFORM script_tracking.event_trigger_failed(TG_EVENT, TG_TAG, SQLSTATE, SQLERRM);
END
$$;

CALL script_tracking.allow('script_tracking.event_trigger_ddl_start()');
-- Hands the dropped objects to event_trigger_ddl_end, which comes right after it and can't ask for them, with the command's
-- start: a later command's are others. Without those in schemas that are not captured: the schema of what is on a table
-- (trigger, policy, rule, constraint, default) is told by its address only, as an identity may hold any name. Where a table's
-- long values were is no object of anyone's.
CREATE OR REPLACE FUNCTION script_tracking.event_trigger_sql_drop() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_command text[] := string_to_array(current_setting('script_tracking.ddl_command', true), ' ');
    v_set text;
BEGIN
    IF v_command[1] ~ '^[0-9]+$' AND v_command[1] <> '1' OR coalesce(current_setting('script_tracking.installing', true), '') = 'on'
       AND pg_has_role(session_user, current_user, 'MEMBER') THEN
        RETURN;
    END IF;
    v_set := set_config('script_tracking.ddl_dropped', coalesce(v_command[4], '') || ' ' || ARRAY(
        SELECT object_identity FROM pg_event_trigger_dropped_objects()
        WHERE schema_name IS DISTINCT FROM 'pg_toast' AND NOT ARRAY['', coalesce(schema_name,
                CASE WHEN object_type IN ('trigger', 'policy', 'rule', 'table constraint', 'default value')
                     THEN address_names[1] END)] && ARRAY(
            SELECT CASE kind WHEN 'role' THEN '' ELSE name::text END FROM script_tracking.capture_rule
            WHERE NOT captured AND (kind = 'schema' OR name = session_user)))::text, false);
EXCEPTION
    WHEN OTHERS THEN
        PERFORM script_tracking.event_trigger_failed(TG_EVENT, TG_TAG, SQLSTATE, SQLERRM);
END
$$;

CALL script_tracking.allow('script_tracking.event_trigger_sql_drop()');
-- Records a DDL command that has ended, both versions at once, unless it ran inside of another. As lean as
-- event_trigger_ddl_start: what is rare is asked in one expression, then in detail.
CREATE OR REPLACE FUNCTION script_tracking.event_trigger_ddl_end() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_command text[] := string_to_array(current_setting('script_tracking.ddl_command', true), ' ');
    v_depth integer;
    v_set text;
    v_objects text[];
    v_object text;
    v_unique text[];
    v_done boolean;
    v_metadata jsonb;
    v_started timestamptz;
    v_ended timestamptz;
    v_duration_ms integer;
    v_text text;
    v_business_key text;
    v_execution_hk bytea;
    v_hashed jsonb;
    v_tenant_hk bytea;
    v_audited boolean;
BEGIN
    -- Nothing above may fail: it would be out of this block's reach, and so fail the command.
    SELECT (SELECT CASE WHEN b.trusted THEN script_tracking.chosen_tenant() ELSE b.tenant_hk END
            FROM script_tracking.login_binding b WHERE b.login = session_user),
           (SELECT value = 'on' FROM script_tracking.setting WHERE name = 'audit_log'),
           (SELECT max(depth) FROM script_tracking.ddl_running WHERE log_xid = pg_current_xact_id_if_assigned()),
           -- Without what is not captured: a schema by its name, a login by ''. GRANT and the like give a row without
           -- identity: something was done, to what is not told.
           ARRAY(SELECT object_identity FROM pg_event_trigger_ddl_commands()
                 WHERE NOT in_extension AND NOT ARRAY['', coalesce(schema_name, CASE WHEN object_type IN ('trigger', 'policy', 'rule')
                         THEN (pg_identify_object_as_address(classid, objid, objsubid)).object_names[1] END)] && ARRAY(
                     SELECT CASE kind WHEN 'role' THEN '' ELSE name::text END FROM script_tracking.capture_rule
                     WHERE NOT captured AND (kind = 'schema' OR name = session_user)))
    INTO v_tenant_hk, v_audited, v_depth, v_objects;
    IF v_depth IS NOT NULL THEN
        DELETE FROM script_tracking.ddl_running WHERE log_xid = pg_current_xact_id_if_assigned() AND depth = v_depth;
        IF v_depth > 1 THEN
            IF v_command[1] ~ '^[0-9]{1,9}$' THEN
                v_command[1] := v_command[1]::integer - 1;
                v_set := set_config('script_tracking.ddl_command', array_to_string(v_command, ' '), false);
            END IF;
            RETURN;
        END IF;
    END IF;
    -- Its user may have changed it: what it says must be possible.
    IF (v_command[3] = extract(epoch FROM statement_timestamp())::text AND v_command[2] ~ '^[0-9]{1,9}$'
        AND v_command[4] COLLATE "C" >= v_command[3] AND v_command[4] ~ '^[0-9]{10}[.][0-9]{6}$') IS NOT TRUE THEN
        IF coalesce(current_setting('script_tracking.installing', true), '') = 'on'
           AND pg_has_role(session_user, current_user, 'MEMBER') THEN
            RETURN;
        END IF;
        -- A command whose start is not known is recorded all the same.
        v_command := ARRAY['', '0', '', extract(epoch FROM statement_timestamp())::text, '', ''];
    END IF;
    v_set := set_config('script_tracking.ddl_command', '', false);
    IF starts_with(current_setting('script_tracking.ddl_dropped', true), v_command[4] || ' ') THEN
        v_objects := v_objects || substr(current_setting('script_tracking.ddl_dropped'), length(v_command[4]) + 2)::text[];
    END IF;
    v_metadata := jsonb_strip_nulls(jsonb_build_object('tag', TG_TAG, 'nested_commands', nullif(v_command[2], '0')::integer,
        'role', nullif(current_setting('role'), 'none')));
    IF v_objects = '{}' OR cardinality(v_objects) > 100 OR coalesce(current_setting('script_tracking.enabled', true), '') <> ''
       OR v_command[5] <> '' OR v_command[6] <> '' THEN
        v_done := v_objects <> '{}';
        IF v_done AND script_tracking.capture_is_off() THEN
            INSERT INTO script_tracking.capture_switch_off (tag) VALUES (TG_TAG) ON CONFLICT (log_xid) DO NOTHING;
            v_done := false;
        END IF;
        v_objects := script_tracking.add_objects(NULL, v_objects);
        IF cardinality(v_objects) > 100 THEN
            v_metadata := v_metadata || jsonb_build_object('objects', cardinality(v_objects));
            v_objects := script_tracking.fit_objects(v_objects);
        END IF;
        IF script_tracking.event_trigger_end_concurrent(v_command, v_done, v_objects, v_metadata) OR NOT v_done THEN
            RETURN;
        END IF;
    END IF;

    -- What write_finished does, written out: half of the time. verify() would tell of a hash that differs.
    IF cardinality(v_objects) = 1 THEN
        v_unique := nullif(v_objects, '{NULL}');
    ELSE  -- a table and its row type have one identity
        FOREACH v_object IN ARRAY v_objects LOOP
            IF v_object IS NOT NULL AND v_object <> ALL (coalesce(v_unique, '{}')) THEN
                v_unique := v_unique || v_object;
            END IF;
        END LOOP;
    END IF;
    v_ended := clock_timestamp();
    v_started := least(to_timestamp(v_command[4]::double precision), v_ended);
    v_duration_ms := floor(least((extract(epoch FROM v_ended) - extract(epoch FROM v_started)) * 1000, 2147483647));
    v_text := CASE WHEN current_query() ~ '[''$]|--|/[*]|[0-9]{5}' OR length(current_query()) > 4000
                   THEN script_tracking.redact_sql(current_query(), 4000) ELSE current_query() END;
    v_business_key := TG_TAG || to_char(v_started AT TIME ZONE 'UTC', '_YYYY-MM-DD_HH24:MI:SS.US_')
        || lpad(to_hex((random() * 16777215)::integer), 6, '0');  -- a uuid's randomness is asked of the kernel, which takes 7 microseconds
    v_execution_hk := sha256(convert_to(v_business_key, 'UTF8'));
    v_hashed := jsonb_build_array('v1', TG_TAG, 'DDL_AUTO', 'RUNNING', (extract(epoch FROM v_started) * 1000000)::bigint,
        NULL::integer, session_user, host(inet_client_addr()), to_jsonb(v_unique), v_text, NULL::text, v_metadata);
    WITH hub AS (
        INSERT INTO script_tracking.script_execution_h
            (script_execution_hk, script_execution_bk, tenant_hk, load_date, record_source)
        VALUES (v_execution_hk, v_business_key, v_tenant_hk, v_ended, 'event_trigger_ddl_end'))
    INSERT INTO script_tracking.script_execution_s
        (script_execution_hk, load_date, load_end_date, hash_diff, script_name, script_type, execution_status,
         execution_timestamp, execution_duration_ms, db_session_user, client_ip, affected_objects, sql_command, metadata,
         record_source, tenant_hk)
    VALUES (v_execution_hk, v_ended, v_ended + interval '1 microsecond',
            sha256(convert_to(v_hashed::text, 'UTF8')),
            TG_TAG, 'DDL_AUTO', 'RUNNING', v_started, NULL, session_user, inet_client_addr(), v_unique, v_text, v_metadata,
            'event_trigger_ddl_end', v_tenant_hk),
           (v_execution_hk, v_ended + interval '1 microsecond', NULL,
            sha256(convert_to(jsonb_set(jsonb_set(v_hashed, '{3}', '"COMPLETED"'), '{5}', to_jsonb(v_duration_ms))::text,
                'UTF8')),
            TG_TAG, 'DDL_AUTO', 'COMPLETED', v_started, v_duration_ms, session_user, inet_client_addr(), v_unique, v_text,
            v_metadata, 'event_trigger_ddl_end', v_tenant_hk);
    IF v_audited THEN
        PERFORM script_tracking.report_completion(v_execution_hk, TG_TAG, 'DDL_AUTO', 'COMPLETED', v_duration_ms);
    END IF;
EXCEPTION
    WHEN OTHERS THEN
        PERFORM script_tracking.event_trigger_failed(TG_EVENT, TG_TAG, SQLSTATE, SQLERRM);
END
$$;

CALL script_tracking.allow('script_tracking.event_trigger_ddl_end()');
-- Notes that this event trigger was created, so that it is missed when it is gone.
CREATE OR REPLACE FUNCTION script_tracking.note_event_trigger(p_name name) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO script_tracking.expected_event_trigger (name) VALUES (p_name) ON CONFLICT (name) DO NOTHING;
END
$$;

CALL script_tracking.allow('script_tracking.note_event_trigger(name)');
-- Creates an event trigger that fires ALWAYS: session_replication_role must not bypass it. One that is there stays as it is
-- (who disabled it meant to; the health report says so). Runs as the installer, who must be a superuser.
CREATE OR REPLACE PROCEDURE script_tracking.put_event_trigger(p_name name, p_event text, p_function regproc)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_function regproc := (SELECT evtfoid FROM pg_event_trigger WHERE evtname = p_name);
BEGIN
    IF v_function <> p_function THEN
        RAISE WARNING 'Opledger: the event trigger % is missing: there is another of that name, which calls %', p_name, v_function
            USING HINT = format('Where it is not needed: DROP EVENT TRIGGER %I; then install again.', p_name);
        RETURN;
    END IF;
    IF v_function IS NULL THEN
        EXECUTE format('CREATE EVENT TRIGGER %I ON %s EXECUTE FUNCTION %s()', p_name, p_event, p_function);
        EXECUTE format('ALTER EVENT TRIGGER %I ENABLE ALWAYS', p_name);
        PERFORM script_tracking.note_event_trigger(p_name);
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE WARNING 'Opledger: the event trigger % is missing: %', p_name, SQLERRM
            USING DETAIL = 'Without the three event triggers DDL is not recorded; all else works.',
                  HINT = 'Let a superuser install again.';
END
$$;

CALL script_tracking.allow('script_tracking.put_event_trigger(name, text, regproc)');
-- The CAPTURE rows of get_system_health.
CREATE OR REPLACE FUNCTION script_tracking.capture_health()
RETURNS TABLE (health_metric text, current_status text, details text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_missing text;
    v_off text;
    v_expected bigint;
    v_failures bigint;
BEGIN
    SELECT string_agg(t.name, ', ') FILTER (WHERE e.oid IS NULL),
           string_agg(t.name, ', ') FILTER (WHERE e.evtenabled NOT IN ('A', 'O')),
           count(x.name)
    INTO v_missing, v_off, v_expected
    FROM (VALUES ('et_ddl_command_start', 'event_trigger_ddl_start'), ('et_ddl_command_end', 'event_trigger_ddl_end'),
                 ('et_sql_drop', 'event_trigger_sql_drop')) AS t (name, function)
    LEFT JOIN pg_event_trigger e
        ON e.evtname = t.name AND e.evtfoid = to_regprocedure('script_tracking.' || t.function || '()')
    LEFT JOIN script_tracking.expected_event_trigger x ON x.name = t.name;
    health_metric := 'event_triggers';
    current_status := CASE WHEN v_off IS NULL AND v_missing IS NULL THEN 'EXCELLENT'
                           WHEN v_off IS NULL AND v_expected = 0 THEN 'WARNING' ELSE 'POOR' END;
    details := CASE WHEN current_status = 'EXCELLENT' THEN 'All 3 event triggers are enabled.'
                    WHEN current_status = 'WARNING'
                    THEN 'The installer was not permitted to create event triggers: DDL is not recorded.'
                    ELSE concat_ws(' ', 'Missing: ' || v_missing || '.', 'Disabled: ' || v_off || '.') END;
    RETURN NEXT;

    SELECT count(*) INTO v_failures FROM script_tracking.capture_failure
    WHERE failed_at > clock_timestamp() - interval '24 hours';
    health_metric := 'capture_failures';
    current_status := CASE v_failures WHEN 0 THEN 'EXCELLENT' ELSE 'POOR' END;
    details := format('%s DDL commands could not be recorded in the last 24 hours.', v_failures);
    RETURN NEXT;
END
$$;

CALL script_tracking.allow('script_tracking.capture_health()', 'script_tracking_reader');
-- The LOG row of get_system_health: whether a transaction in progress, of any database of the cluster, holds back what the
-- log's readers wait for, and by p_at for how long. That is seen where the owner of these functions may read pg_stat_activity.
CREATE OR REPLACE FUNCTION script_tracking.log_health(p_at timestamptz)
RETURNS TABLE (health_metric text, current_status text, details text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_held_back xid8;
    v_horizon xid8;
    v_holder text;
    v_since timestamptz;
    v_open interval;
BEGIN
    SELECT h.held_back, h.horizon INTO v_held_back, v_horizon FROM script_tracking.store_held_back() h;
    IF v_held_back IS NOT NULL THEN
        SELECT format('process %s', a.pid), a.xact_start INTO v_holder, v_since
        FROM pg_stat_activity a WHERE a.backend_xid = v_horizon::xid;
        IF NOT FOUND THEN
            SELECT format('prepared transaction %L', p.gid), p.prepared INTO v_holder, v_since
            FROM pg_prepared_xacts p WHERE p.transaction = v_horizon::xid;
        END IF;
    END IF;
    v_open := p_at - v_since;
    health_metric := 'horizon';
    -- Without a holder it has ended since.
    current_status := CASE WHEN v_holder IS NULL THEN 'EXCELLENT' WHEN v_open IS NULL THEN 'GOOD'
        WHEN v_open < interval '1 minute' THEN 'EXCELLENT' WHEN v_open < interval '10 minutes' THEN 'GOOD'
        WHEN v_open < interval '1 hour' THEN 'WARNING' ELSE 'POOR' END;
    details := CASE WHEN current_status = 'EXCELLENT' THEN 'Nothing holds the log back for long.'
        WHEN v_open IS NULL THEN format('The log is held back by %s; how long is seen after GRANT pg_read_all_stats TO %I.',
                                        v_holder, current_user)
        ELSE format('The log is held back by %s, open since %s: end it, or its readers wait.', v_holder,
                    to_char(v_since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')) END;
    RETURN NEXT;
END
$$;

CALL script_tracking.allow('script_tracking.log_health(timestamptz)');
-- What this database alone has to say of its health, for get_system_health and for a store: it is that of now.
CREATE OR REPLACE FUNCTION script_tracking.store_health()
RETURNS TABLE (health_category text, health_metric text, current_status text, details text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT 'CAPTURE', c.health_metric, c.current_status, c.details FROM script_tracking.capture_health() c;
    RETURN QUERY SELECT 'LOG', l.health_metric, l.current_status, l.details
        FROM script_tracking.log_health(clock_timestamp()) l;
END
$$;

CALL script_tracking.allow('script_tracking.store_health()', 'script_tracking_reader');
-- Refuses a file or version that can't be one.
CREATE OR REPLACE FUNCTION script_tracking.check_migration(p_migration_file text, p_migration_version text) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_name text;
    v_value text;
    v_limit integer;
BEGIN
    FOR v_name, v_value, v_limit IN VALUES ('p_migration_file', p_migration_file, 255),
                                           ('p_migration_version', p_migration_version, 50) LOOP
        IF v_value IS NULL THEN
            RAISE EXCEPTION '% must not be NULL', v_name USING ERRCODE = 'null_value_not_allowed';
        END IF;
        IF v_value = '' THEN
            RAISE EXCEPTION '% must not be empty', v_name USING ERRCODE = 'invalid_parameter_value';
        END IF;
        IF length(v_value) > v_limit THEN
            RAISE EXCEPTION '% is % characters long; the limit is %', v_name, length(v_value), v_limit
                USING ERRCODE = 'string_data_right_truncation';
        END IF;
    END LOOP;
END
$$;

CALL script_tracking.allow('script_tracking.check_migration(text, text)', 'script_tracking_admin');
-- SHA-256 of a migration's text as UTF-8, with every line ending as a line feed. A byte order mark is no part of the text.
CREATE OR REPLACE FUNCTION script_tracking.migration_checksum(p_text text) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN sha256(convert_to(replace(replace(p_text, E'\r\n', E'\n'), E'\r', E'\n'), 'UTF8'));
END
$$;

CALL script_tracking.allow('script_tracking.migration_checksum(text)', 'script_tracking_admin');
-- As many of these objects, from the first on, as one operation may hold: the limits of check_objects.
CREATE OR REPLACE FUNCTION script_tracking.fit_objects(p_objects text[]) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT array_agg(object ORDER BY place) FROM (
        SELECT object, place, sum(octet_length(object)) OVER (ORDER BY place) AS bytes
        FROM unnest(p_objects) WITH ORDINALITY AS o (object, place)) AS sized WHERE place <= 10000 AND bytes <= 1048576);
END
$$;

CALL script_tracking.allow('script_tracking.fit_objects(text[])');
-- The objects that this transaction's DDL made, changed or dropped since p_since, as the event triggers recorded it.
-- NULL when that can't be known: the triggers are not there, or capture is off for this login or session.
CREATE OR REPLACE FUNCTION script_tracking.migrated_objects(p_since timestamptz) RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_hk bytea := script_tracking.session_tenant();
    -- The triggers keep a time as a float, which rounds it.
    v_since timestamptz := p_since - interval '1 microsecond';
BEGIN
    IF (SELECT count(*) FROM pg_event_trigger
        WHERE evtname IN ('et_ddl_command_start', 'et_ddl_command_end', 'et_sql_drop') AND evtenabled IN ('A', 'O')) < 3
       OR EXISTS (SELECT FROM script_tracking.capture_rule WHERE kind = 'role' AND name = session_user AND NOT captured)
       OR script_tracking.capture_is_off() THEN
        RETURN NULL;
    END IF;
    -- Two branches, because an index finds a key or NULL, not either.
    RETURN (SELECT coalesce(array_agg(DISTINCT o.name ORDER BY o.name), '{}') FROM (
        SELECT affected_objects, script_type, log_xid FROM script_tracking.script_execution_s
        WHERE tenant_hk = v_tenant_hk AND execution_timestamp >= v_since AND execution_status <> 'RUNNING'
        UNION ALL
        SELECT affected_objects, script_type, log_xid FROM script_tracking.script_execution_s
        WHERE tenant_hk IS NULL AND v_tenant_hk IS NULL AND execution_timestamp >= v_since AND execution_status <> 'RUNNING'
    ) AS s CROSS JOIN LATERAL unnest(s.affected_objects) AS o (name)
    -- A GRANT has an object without a name: to what is not told.
    WHERE s.script_type = 'DDL_AUTO' AND s.log_xid = pg_current_xact_id() AND o.name IS NOT NULL);
END
$$;

CALL script_tracking.allow('script_tracking.migrated_objects(timestamptz)');
-- An error message without what stood in the strings of the SQL text that failed: PostgreSQL puts values in double quotes,
-- and names too. What is quoted stays where the text has it outside strings and comments, else it becomes a ?.
CREATE OR REPLACE FUNCTION script_tracking.mask_message(
    p_message text, p_sql text, p_language text DEFAULT current_setting('lc_messages'))
RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_known text := script_tracking.redact_sql(p_sql, 200000);
    v_message text := p_message;
    v_quoted text;
BEGIN
    -- Other languages have other quotes.
    IF p_language !~* '^(c|posix|en)([^a-z]|$)' THEN
        RETURN '?';
    END IF;
    FOR v_quoted IN SELECT DISTINCT m[1] FROM regexp_matches(p_message, '"([^"]+)(?:"|$)', 'g') AS found (m) LOOP
        IF strpos(v_known, v_quoted) = 0 THEN
            v_message := replace(v_message, v_quoted, '?');
        END IF;
    END LOOP;
    RETURN v_message;
END
$$;

CALL script_tracking.allow('script_tracking.mask_message(text, text, text)', 'script_tracking_admin');
-- What to do about a file that can't run inside of a function; NULL for other errors.
CREATE OR REPLACE FUNCTION script_tracking.migration_hint(p_error_code text, p_sql text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- The lines of data after a COPY are no SQL.
    IF p_error_code IN ('0A000', '25001', '2D000') OR p_error_code = '42601'
       AND script_tracking.redact_sql(p_sql, 200000) ~* '[[:<:]]copy[[:>:]][^;]+[[:<:]]from[[:space:]]+stdin[[:>:]]' THEN
        RETURN 'Hint: opledger migrate runs files that need transactions of their own or data from a client.';
    END IF;
    RETURN NULL;
END
$$;

CALL script_tracking.allow('script_tracking.migration_hint(text, text)', 'script_tracking_admin');
-- Writes one more state of a migration, for a runner outside of the server, which holds the migrations' lock. The primary
-- key refuses the slower of two that lost it.
CREATE OR REPLACE FUNCTION script_tracking.record_migration(
    p_kind text, p_version text, p_status text, p_file text, p_checksum bytea, p_execution_time_ms integer,
    p_statement_number integer, p_error_details text, p_execution_hk bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO script_tracking.migration (migration_kind, migration_version, state_number, migration_status,
        migration_file, checksum, load_date, execution_time_ms, statement_number, error_details, script_execution_hk)
    SELECT p_kind, p_version, coalesce(max(m.state_number), 0) + 1, p_status, p_file, p_checksum,
        greatest(clock_timestamp(), max(m.load_date) + interval '1 microsecond'), p_execution_time_ms,
        p_statement_number, p_error_details, p_execution_hk
    FROM script_tracking.migration AS m
    WHERE m.migration_kind = p_kind AND m.migration_version = p_version;
END
$$;

CALL script_tracking.allow(
    'script_tracking.record_migration(text, text, text, text, bytea, integer, integer, text, bytea)', 'script_tracking_admin');
-- What a version is compared by: digits with dots or underscores between are numbers, part by part (001 is 1 and 1.0), as for
-- `opledger migrate`; anything else, and what a repeatable one is called, is text.
CREATE OR REPLACE FUNCTION script_tracking.migration_key(p_kind text, p_version text) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_kind <> 'VERSIONED' OR p_version !~ '^[0-9]+([._][0-9]+)*$' THEN
        RETURN p_version;
    END IF;
    RETURN regexp_replace(
        regexp_replace('.' || translate(p_version, '_', '.'), '[.]0+(?=[0-9])', '.', 'g'), '([.]0)+$', '');
END
$$;

CALL script_tracking.allow('script_tracking.migration_key(text, text)');
-- The last state of a migration, whoever wrote it and however its version was spelt; NULL when there is none.
CREATE OR REPLACE FUNCTION script_tracking.last_migration(p_kind text, p_version text) RETURNS script_tracking.migration
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v script_tracking.migration;
BEGIN
    SELECT * INTO v FROM script_tracking.migration m
    WHERE m.migration_kind = p_kind
        AND script_tracking.migration_key(p_kind, m.migration_version) = script_tracking.migration_key(p_kind, p_version)
    ORDER BY m.load_date DESC, m.state_number DESC LIMIT 1;
    RETURN v;
END
$$;

CALL script_tracking.allow('script_tracking.last_migration(text, text)');
-- Refuses to migrate while a runner outside of the server is at work, or what a killed one left: its statement goes on, and its
-- session holds this lock. Nobody waits for it, because a waiting statement's snapshot holds up what is built CONCURRENTLY, which
-- the server would then cancel as the one that closes a deadlock.
CREATE OR REPLACE FUNCTION script_tracking.check_no_runner() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_pid integer := (
        SELECT min(l.pid) FROM pg_locks l
        WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended('opledger migration files', 0));
BEGIN
    IF v_pid IS NOT NULL THEN
        RAISE EXCEPTION 'a runner''s migration is at work in the server''s process %', v_pid USING ERRCODE = 'lock_not_available',
            HINT = format('Run it again when that has ended. If its runner was killed, SELECT pg_terminate_backend(%s) ends it.', v_pid);
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.check_no_runner()');
-- Takes the migrations' turn, until the transaction ends, and tells whether this one is to be run: RUNNING (then it is
-- written), ALREADY_APPLIED, CHECKSUM_MISMATCH, or FAILED where a runner left it half done. What failed, was interrupted or was
-- taken back may run again, changed or not.
CREATE OR REPLACE FUNCTION script_tracking.start_migration(
    p_version text, p_file text, p_checksum bytea, p_kind text DEFAULT 'VERSIONED', OUT o_status text, OUT o_details text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_last script_tracking.migration;
BEGIN
    -- Before, so as not to wait for one; after, because one may have been killed meanwhile.
    PERFORM script_tracking.check_no_runner();
    PERFORM pg_advisory_xact_lock(hashtextextended('opledger migration', 0));
    PERFORM script_tracking.check_no_runner();
    v_last := script_tracking.last_migration(p_kind, p_version);
    IF v_last.migration_status = 'BASELINE' OR v_last.migration_status = 'APPLIED' AND v_last.checksum = p_checksum THEN
        o_status := 'ALREADY_APPLIED';
        RETURN;
    ELSIF v_last.migration_status = 'APPLIED' AND p_kind = 'VERSIONED' THEN
        o_status := 'CHECKSUM_MISMATCH';
        o_details := format('version %s was applied at %s from %s with checksum %s; this file has checksum %s', p_version,
            script_tracking.utc_text(v_last.load_date), v_last.migration_file, encode(v_last.checksum, 'hex'),
            encode(p_checksum, 'hex'));
        RETURN;
    ELSIF v_last.migration_status IN ('RUNNING', 'FAILED') AND v_last.statement_number IS NOT NULL THEN
        o_status := 'FAILED';
        o_details := format('55000: version %s was left half done at %s by a runner without a transaction, from %s: statement %s had '
            'begun, those before it are done. Undo them, or make the file safe to run again, then `opledger migrate repair`; or '
            'finish it by hand, then `opledger migrate repair --accept`', p_version, script_tracking.utc_text(v_last.load_date),
            coalesce(v_last.migration_file, 'a file'), v_last.statement_number);
        RETURN;
    END IF;
    INSERT INTO script_tracking.migration (migration_kind, migration_version, state_number, migration_status,
        migration_file, checksum, load_date)
    VALUES (p_kind, coalesce(v_last.migration_version, p_version), coalesce(v_last.state_number, 0) + 1, 'RUNNING', p_file, p_checksum,
        greatest(clock_timestamp(), v_last.load_date + interval '1 microsecond'));
    o_status := 'RUNNING';
EXCEPTION
    WHEN unique_violation THEN
        -- Under the lock only a state that this snapshot can't see has that number.
        RAISE EXCEPTION 'version % was run after this transaction took its snapshot', p_version
            USING ERRCODE = 'serialization_failure', HINT = 'Run it again in a new transaction.';
END
$$;

CALL script_tracking.allow('script_tracking.start_migration(text, text, bytea, text)', 'script_tracking_admin');
-- Writes how a migration that start_migration let run has ended, and its operation. p_error_details NULL: it was applied.
CREATE OR REPLACE FUNCTION script_tracking.finish_migration(
    p_version text, p_started timestamptz, p_error_code text DEFAULT NULL, p_error_details text DEFAULT NULL,
    p_kind text DEFAULT 'VERSIONED', OUT o_execution_time_ms integer, OUT o_objects_affected integer)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v script_tracking.migration;
    v_objects text[];
BEGIN
    v := script_tracking.last_migration(p_kind, p_version);
    IF v.migration_status IS DISTINCT FROM 'RUNNING' THEN
        RAISE EXCEPTION 'version % was not started', p_version USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Call script_tracking.start_migration first.';
    END IF;
    o_execution_time_ms := script_tracking.milliseconds(p_started, clock_timestamp());
    -- What a failed migration did is undone, and so are its records.
    v_objects := script_tracking.migrated_objects(p_started);
    o_objects_affected := CASE WHEN p_error_code IS NULL THEN cardinality(v_objects) ELSE 0 END;
    v.script_execution_hk := script_tracking.write_finished(
        left(format('Migration %s: %s', p_version, regexp_replace(v.migration_file, '^.*/', '')), 255), 'MIGRATION',
        p_started, o_execution_time_ms, p_error_code IS NULL, p_error_details, script_tracking.fit_objects(v_objects), NULL,
        jsonb_strip_nulls(jsonb_build_object('migration_kind', p_kind, 'migration_version', p_version,
            'migration_file', v.migration_file, 'checksum', encode(v.checksum, 'hex'), 'error_code', p_error_code)),
        'finish_migration');
    INSERT INTO script_tracking.migration (migration_kind, migration_version, state_number, migration_status,
        migration_file, checksum, load_date, execution_time_ms, objects_affected, error_details, script_execution_hk)
    VALUES (p_kind, v.migration_version, v.state_number + 1, CASE WHEN p_error_code IS NULL THEN 'APPLIED' ELSE 'FAILED' END,
        v.migration_file, v.checksum, greatest(clock_timestamp(), v.load_date + interval '1 microsecond'),
        o_execution_time_ms, o_objects_affected, p_error_details, v.script_execution_hk);
END
$$;

CALL script_tracking.allow('script_tracking.finish_migration(text, timestamptz, text, text, text)', 'script_tracking_admin');
-- Runs a migration file once. Not SECURITY DEFINER: the server reads the file, and runs it, with the caller's rights and
-- search_path. An error undoes the file's work and no more; the record of it stays. Called by run_migration_enterprise.
CREATE OR REPLACE FUNCTION script_tracking.run_migration(p_migration_file text, p_migration_version text, p_search_path text)
RETURNS TABLE(migration_status varchar(20), execution_time_ms integer, objects_affected integer, error_details text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_login name := session_user;
    v_role text := current_setting('role');
    v_text text;
    v_statements text;
    v_started timestamptz;
    v_code text;
    v_message text;
BEGIN
    PERFORM script_tracking.check_migration(p_migration_file, p_migration_version);
    v_text := pg_read_file(p_migration_file);
    IF encode(convert_to(left(v_text, 1), 'UTF8'), 'hex') = 'efbbbf' THEN
        v_text := substr(v_text, 2);
    END IF;
    SELECT o_status, o_details INTO migration_status, error_details FROM script_tracking.start_migration(
        p_migration_version, p_migration_file, script_tracking.migration_checksum(v_text));
    IF migration_status <> 'RUNNING' THEN
        execution_time_ms := 0;
        objects_affected := 0;
        RETURN NEXT;
        RETURN;
    END IF;
    v_started := clock_timestamp();
    -- What would fail at the commit must fail here, where it can be recorded. Also, EXECUTE refuses a text that ends with
    -- SELECT ... INTO.
    v_statements := v_text || E'\n;SET CONSTRAINTS ALL IMMEDIATE';
    BEGIN
        PERFORM set_config('search_path', p_search_path, true);
        EXECUTE v_statements;
        -- The file may have become somebody else, or moved; the record is the caller's, and so is the session.
        IF pg_catalog.current_setting('search_path') OPERATOR(pg_catalog.<>) p_search_path THEN
            PERFORM pg_catalog.set_config('search_path', p_search_path, false);
        END IF;
        PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
        IF session_user <> v_login THEN
            PERFORM set_config('session_authorization', v_login, false);
        END IF;
        IF current_setting('role') <> v_role THEN
            PERFORM set_config('role', v_role, false);
        END IF;
        migration_status := 'APPLIED';
    EXCEPTION
        WHEN OTHERS OR assert_failure THEN
            GET STACKED DIAGNOSTICS v_code = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT;
            migration_status := 'FAILED';
            error_details := concat_ws('. ', v_code || ': ' || v_message, script_tracking.migration_hint(v_code, v_text));
            v_message := v_code || ': ' || left(script_tracking.mask_message(v_message, v_text), 10000);
    END;
    SELECT o_execution_time_ms, o_objects_affected INTO execution_time_ms, objects_affected
    FROM script_tracking.finish_migration(p_migration_version, v_started, v_code, v_message);
    RETURN NEXT;
END
$$;

CALL script_tracking.allow('script_tracking.run_migration(text, text, text)', 'script_tracking_admin');
-- Runs a migration file once, and says what became of it. The one function without a search_path of its own, because the
-- file runs on the caller's: nothing here is looked up by it.
CREATE OR REPLACE FUNCTION script_tracking.run_migration_enterprise(
    p_migration_file varchar(255), p_migration_version varchar(50))
RETURNS TABLE(migration_status varchar(20), execution_time_ms integer, objects_affected integer, error_details text)
LANGUAGE sql
AS $$
    SELECT r.migration_status, r.execution_time_ms, r.objects_affected, r.error_details
    FROM script_tracking.run_migration(p_migration_file::pg_catalog.text, p_migration_version::pg_catalog.text,
        pg_catalog.current_setting('search_path')) r
$$;

CALL script_tracking.allow('script_tracking.run_migration_enterprise(varchar, varchar)', 'script_tracking_admin');
-- Tenants, users and credentials as a store's documents: the versions, with a body of what the satellites' columns hold. For
-- functions of the owner only: password_hash is in it.
CREATE OR REPLACE VIEW script_tracking.user_document AS
SELECT d.kind, d.document_hk, d.tenant_hk, d.load_date, d.load_end_date, sha256(convert_to(d.body::text, 'UTF8')) AS hash_diff,
    d.body, d.record_source
FROM (SELECT 'tenant'::text AS kind, t.tenant_hk AS document_hk, t.tenant_hk, t.load_date, t.load_end_date,
          jsonb_build_object('tenant_id', t.tenant_id, 'registered_by', t.registered_by) AS body, t.record_source
      FROM script_tracking.tenant_s t
      UNION ALL
      SELECT 'user', u.user_hk, u.tenant_hk, u.load_date, u.load_end_date, jsonb_build_object('email', u.email), u.record_source
      FROM script_tracking.user_s u
      UNION ALL
      SELECT 'credential', c.user_hk, c.tenant_hk, c.load_date, c.load_end_date,
          jsonb_build_object('password_hash', c.password_hash), c.record_source
      FROM script_tracking.credential_s c) AS d;
-- A version with its hub, as store_version has it: what functions for a store return, and opledger-postgres decodes, by place.
DO $$
BEGIN
    IF to_regtype('script_tracking.store_row') IS NULL THEN
        CREATE TYPE script_tracking.store_row AS (
            script_execution_hk bytea,
            script_execution_bk text,  -- NULL: the version is an orphan
            hub_tenant_hk bytea,
            hub_load_date timestamptz,
            hub_record_source text,
            load_date timestamptz,
            load_end_date timestamptz,
            hash_diff bytea,
            script_name text,
            script_type text,
            execution_status text,
            execution_timestamp timestamptz,
            execution_duration_ms integer,
            db_session_user text,
            client_ip inet,
            affected_objects text[],
            sql_command text,
            error_message text,
            metadata text,
            record_source text,
            tenant_hk bytea,
            epoch bigint,
            log_xid xid8,
            version_number bigint,
            unit_id uuid
        );
    END IF;
END
$$;
-- Each version with its hub, for the functions that a store calls; nobody is granted it.
CREATE OR REPLACE VIEW script_tracking.store_version AS
SELECT s.script_execution_hk, h.script_execution_bk::text, h.tenant_hk AS hub_tenant_hk, h.load_date AS hub_load_date,
    h.record_source::text AS hub_record_source, s.load_date, s.load_end_date, s.hash_diff, s.script_name::text,
    s.script_type::text, s.execution_status::text, s.execution_timestamp, s.execution_duration_ms, s.db_session_user::text,
    s.client_ip, s.affected_objects, s.sql_command, s.error_message, s.metadata::text AS metadata,
    s.record_source::text AS record_source, s.tenant_hk,
    (SELECT max(e.epoch) FROM script_tracking.log_epoch e WHERE e.after_version < s.version_number) AS epoch,
    s.log_xid, s.version_number, s.unit_id
FROM script_tracking.script_execution_s s
LEFT JOIN script_tracking.script_execution_h h ON h.script_execution_hk = s.script_execution_hk;
-- Lets a store's call work for one tenant (NULL: the system), or for all that the session may see. Decided by the login:
-- an admin may work for anyone, a trusted login chooses by naming a tenant, any other has the one it is bound to.
CREATE OR REPLACE FUNCTION script_tracking.store_scope(p_all boolean, p_tenant_hk bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_trusted boolean;
    v_tenant_hk bytea;
BEGIN
    IF p_all THEN
        RETURN;
    END IF;
    SELECT b.trusted, b.tenant_hk INTO v_trusted, v_tenant_hk FROM script_tracking.login_binding b WHERE b.login = session_user;
    IF v_trusted THEN
        PERFORM set_config('script_tracking.tenant_hk', coalesce(encode(p_tenant_hk, 'hex'), ''), true);
    ELSIF v_tenant_hk IS DISTINCT FROM p_tenant_hk AND NOT script_tracking.session_is_admin() THEN
        RAISE EXCEPTION 'login % may not work for %', session_user, coalesce('tenant ' || encode(p_tenant_hk, 'hex'), 'the system')
            USING ERRCODE = 'insufficient_privilege',
                  HINT = CASE WHEN v_tenant_hk IS NULL THEN 'It is neither bound nor trusted: see bind_login, trust_login.'
                      ELSE 'It is bound to tenant ' || encode(v_tenant_hk, 'hex') || '.' END;
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.store_scope(boolean, bytea)');
-- Conditions on tenant_hk, one of which each row of a scope fulfils, where $1 are the tenants given beside. Row security
-- is no index condition, so tenants are named.
CREATE OR REPLACE FUNCTION script_tracking.store_tenants(
    p_all boolean, p_tenant_hk bytea, OUT tenants bytea[], OUT conditions text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_all THEN
        tenants := script_tracking.visible_tenants();
        conditions := CASE WHEN script_tracking.sees_system() THEN ARRAY['= ANY ($1)', 'IS NULL'] ELSE ARRAY['= ANY ($1)'] END;
    ELSIF p_tenant_hk IS NULL THEN
        tenants := '{}';
        conditions := ARRAY['IS NULL'];
    ELSE
        tenants := ARRAY[p_tenant_hk];
        conditions := ARRAY['= ANY ($1)'];
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.store_tenants(boolean, bytea)');
-- What a store asks for when it connects: who it is, and the epoch of the log. Begins an epoch where the cluster is not
-- the one that the last epoch was in. On a standby, and in a session that may not write, that is not settled: who writes later
-- must ask again.
CREATE OR REPLACE FUNCTION script_tracking.store_open(OUT store_id uuid, OUT epoch bigint, OUT settled boolean)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_last script_tracking.log_epoch;
    v_cluster text;
BEGIN
    SELECT * INTO v_last FROM script_tracking.log_epoch e ORDER BY e.epoch DESC LIMIT 1;
    store_id := v_last.store_id;
    epoch := v_last.epoch;
    settled := NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off';
    IF NOT settled THEN
        RETURN;
    END IF;
    v_cluster := (SELECT system_identifier FROM pg_control_system()) || '/' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8);
    IF v_last.cluster = v_cluster THEN
        RETURN;
    END IF;
    LOCK TABLE script_tracking.log_epoch IN EXCLUSIVE MODE;
    SELECT * INTO v_last FROM script_tracking.log_epoch e ORDER BY e.epoch DESC LIMIT 1;
    store_id := coalesce(v_last.store_id, gen_random_uuid());
    epoch := v_last.epoch;
    IF v_last.cluster IS DISTINCT FROM v_cluster THEN
        epoch := coalesce(v_last.epoch, 0) + 1;
        -- Numbers up to here were given out in an earlier history: a dump holds the sequence too.
        INSERT INTO script_tracking.log_epoch (epoch, store_id, cluster, after_version)
        SELECT store_open.epoch, store_open.store_id, v_cluster,
            CASE WHEN v_last.epoch IS NULL THEN 0 WHEN q.is_called THEN q.last_value ELSE 0 END
        FROM script_tracking.version_sequence q;
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.store_open()', 'script_tracking_reader');
-- The first epoch, or, after a restore, the next.
DO $$ BEGIN PERFORM script_tracking.store_open(); END $$;
-- The operations of a scope that have these keys, as they stand.
CREATE OR REPLACE FUNCTION script_tracking.store_get(p_all boolean, p_tenant_hk bytea, p_keys bytea[])
RETURNS SETOF script_tracking.store_row
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM script_tracking.store_scope(p_all, p_tenant_hk);
    RETURN QUERY SELECT * FROM script_tracking.store_version v
    WHERE v.script_execution_hk = ANY (p_keys) AND v.load_end_date IS NULL AND v.script_execution_bk IS NOT NULL
        AND (p_all OR v.hub_tenant_hk IS NOT DISTINCT FROM p_tenant_hk);
END
$$;

CALL script_tracking.allow('script_tracking.store_get(boolean, bytea, bytea[])', 'script_tracking_reader');
-- The versions of one operation of a scope after a load date, oldest first.
CREATE OR REPLACE FUNCTION script_tracking.store_versions(
    p_all boolean, p_tenant_hk bytea, p_execution_hk bytea, p_after timestamptz, p_limit bigint)
RETURNS SETOF script_tracking.store_row
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM script_tracking.store_scope(p_all, p_tenant_hk);
    RETURN QUERY SELECT * FROM script_tracking.store_version v
    WHERE v.script_execution_hk = p_execution_hk AND v.load_date > coalesce(p_after, '-infinity')
        AND v.script_execution_bk IS NOT NULL AND (p_all OR v.hub_tenant_hk IS NOT DISTINCT FROM p_tenant_hk)
    ORDER BY v.load_date LIMIT p_limit;
END
$$;

CALL script_tracking.allow('script_tracking.store_versions(boolean, bytea, bytea, timestamptz, bigint)', 'script_tracking_reader');
-- The operations of a scope after a key, as they stand, by key.
CREATE OR REPLACE FUNCTION script_tracking.store_operations(p_all boolean, p_tenant_hk bytea, p_after bytea, p_limit bigint)
RETURNS SETOF script_tracking.store_row
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM script_tracking.store_scope(p_all, p_tenant_hk);
    RETURN QUERY SELECT * FROM script_tracking.store_version v
    WHERE v.script_execution_hk > coalesce(p_after, '') AND v.load_end_date IS NULL AND v.script_execution_bk IS NOT NULL
        AND (p_all OR v.hub_tenant_hk IS NOT DISTINCT FROM p_tenant_hk)
    ORDER BY v.script_execution_hk LIMIT p_limit;
END
$$;

CALL script_tracking.allow('script_tracking.store_operations(boolean, bytea, bytea, bigint)', 'script_tracking_reader');
-- The operations of a scope, newest first, then by key, both descending; only those after (p_before, p_before_hk) in that
-- order. Each tenant's newest are read from its index, then merged. tenant_hk stands in the order because the
-- planner does not take IS NULL for one value, and no table is read whole: statistics take what is running for a quarter of it.
CREATE OR REPLACE FUNCTION script_tracking.store_history(
    p_all boolean, p_tenant_hk bytea, p_since timestamptz, p_until timestamptz, p_status text, p_script_type text,
    p_before timestamptz, p_before_hk bytea, p_limit bigint)
RETURNS SETOF script_tracking.store_row
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    v_states text[] := CASE
        WHEN p_status = 'RUNNING' THEN ARRAY['execution_status = ''RUNNING'' AND load_end_date IS NULL']
        WHEN p_status = 'FAILED' THEN ARRAY['execution_status = ''FAILED''']
        WHEN p_status IS NOT NULL THEN ARRAY['execution_status <> ''RUNNING'' AND execution_status = $7']
        ELSE ARRAY['execution_status = ''RUNNING'' AND load_end_date IS NULL', 'execution_status <> ''RUNNING'''] END;
    v_wanted text := '';
    v_tenants bytea[];
    v_conditions text[];
    v_branches text;
BEGIN
    PERFORM script_tracking.store_scope(p_all, p_tenant_hk);
    SELECT t.tenants, t.conditions INTO v_tenants, v_conditions FROM script_tracking.store_tenants(p_all, p_tenant_hk) t;
    IF p_since IS NOT NULL THEN
        v_wanted := v_wanted || ' AND execution_timestamp > $2';
    END IF;
    IF p_until IS NOT NULL THEN
        v_wanted := v_wanted || ' AND execution_timestamp <= $3';
    END IF;
    IF p_before IS NOT NULL THEN
        v_wanted := v_wanted
            || ' AND execution_timestamp <= $4 AND (execution_timestamp < $4 OR script_execution_hk < $5)';
    END IF;
    IF p_script_type IS NOT NULL THEN
        v_wanted := v_wanted || ' AND script_type = $8';
    END IF;
    v_branches := (
        SELECT string_agg(format(
            CASE c.condition WHEN 'IS NULL' THEN '(%1$s WHERE tenant_hk IS NULL AND %2$s%3$s %4$s)'
                ELSE '(SELECT n.* FROM unnest($1) AS t (tenant) CROSS JOIN LATERAL (%1$s WHERE tenant_hk = t.tenant AND %2$s%3$s %4$s) AS n)' END,
            'SELECT script_execution_hk, load_date, execution_timestamp FROM script_tracking.script_execution_s',
            s.state, v_wanted, 'ORDER BY tenant_hk DESC, execution_timestamp DESC, script_execution_hk DESC LIMIT $6'), ' UNION ALL ')
        FROM unnest(v_conditions) AS c (condition), unnest(v_states) AS s (state));
    RETURN QUERY EXECUTE format($query$
        SELECT v.* FROM (SELECT * FROM (%s) AS k ORDER BY k.execution_timestamp DESC, k.script_execution_hk DESC LIMIT $6) AS k
        JOIN script_tracking.store_version v ON v.script_execution_hk = k.script_execution_hk AND v.load_date = k.load_date
        WHERE v.script_execution_bk IS NOT NULL
        ORDER BY k.execution_timestamp DESC, k.script_execution_hk DESC $query$, v_branches)
    USING v_tenants, p_since, p_until, p_before, p_before_hk, p_limit, p_status, p_script_type;
END
$$;

CALL script_tracking.allow('script_tracking.store_history(boolean, bytea, timestamptz, timestamptz, text, text, timestamptz, '
    'bytea, bigint)', 'script_tracking_reader');
-- The log of a scope after a place, in its order. Of the current epoch only what no transaction in progress can precede;
-- what is committed and must wait for one of those is not in here: see store_held_back.
CREATE OR REPLACE FUNCTION script_tracking.store_log(
    p_all boolean, p_tenant_hk bytea, p_epoch bigint, p_log_xid xid8, p_version_number bigint, p_limit bigint)
RETURNS SETOF script_tracking.store_row
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_left bigint := p_limit;
    v_found bigint;
    e record;
BEGIN
    PERFORM script_tracking.store_scope(p_all, p_tenant_hk);
    FOR e IN
        SELECT l.epoch, l.after_version, lead(l.after_version) OVER (ORDER BY l.epoch) AS until_version
        FROM script_tracking.log_epoch l WHERE l.epoch >= p_epoch ORDER BY l.epoch
    LOOP
        RETURN QUERY SELECT * FROM script_tracking.store_version v
        WHERE (v.log_xid, v.version_number) > (CASE WHEN e.epoch = p_epoch THEN p_log_xid ELSE '0' END,
                                               CASE WHEN e.epoch = p_epoch THEN p_version_number ELSE 0 END)
            AND v.version_number > e.after_version AND v.version_number <= coalesce(e.until_version, 9223372036854775807)
            AND v.log_xid < CASE WHEN e.until_version IS NULL THEN pg_snapshot_xmin(pg_current_snapshot())
                            ELSE '18446744073709551615' END
            AND (p_all OR v.tenant_hk IS NOT DISTINCT FROM p_tenant_hk)
        ORDER BY v.log_xid, v.version_number LIMIT v_left;
        GET DIAGNOSTICS v_found = ROW_COUNT;
        v_left := v_left - v_found;
        EXIT WHEN v_left <= 0;
    END LOOP;
END
$$;

CALL script_tracking.allow('script_tracking.store_log(boolean, bytea, bigint, xid8, bigint, bigint)', 'script_tracking_reader');
-- The last transaction id of a version that is committed and not yet in the log, because a transaction in progress has a
-- smaller one; NULL when there is none. And the smallest id in progress, the log's horizon.
CREATE OR REPLACE FUNCTION script_tracking.store_held_back(OUT held_back xid8, OUT horizon xid8)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    horizon := pg_snapshot_xmin(pg_current_snapshot());
    -- As the last epoch only holds ids of this cluster, and those before may hold any.
    SELECT s.log_xid INTO held_back FROM script_tracking.script_execution_s s
    WHERE s.log_xid >= horizon AND s.log_xid < pg_snapshot_xmax(pg_current_snapshot())
        AND s.version_number > (SELECT max(after_version) FROM script_tracking.log_epoch)
    ORDER BY s.log_xid DESC LIMIT 1;
END
$$;

CALL script_tracking.allow('script_tracking.store_held_back()', 'script_tracking_reader');
-- The last place of the log that the session may see, when it is after a given one; else no row.
CREATE OR REPLACE FUNCTION script_tracking.store_last(p_epoch bigint, p_log_xid xid8, p_version_number bigint)
RETURNS TABLE (epoch bigint, log_xid xid8, version_number bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    e record;
BEGIN
    FOR e IN
        SELECT l.epoch, l.after_version, lead(l.after_version) OVER (ORDER BY l.epoch) AS until_version
        FROM script_tracking.log_epoch l WHERE l.epoch >= p_epoch ORDER BY l.epoch DESC
    LOOP
        RETURN QUERY SELECT e.epoch, s.log_xid, s.version_number FROM script_tracking.script_execution_s s
        WHERE (s.log_xid, s.version_number) > (CASE WHEN e.epoch = p_epoch THEN p_log_xid ELSE '0' END,
                                               CASE WHEN e.epoch = p_epoch THEN p_version_number ELSE 0 END)
            AND s.version_number > e.after_version AND s.version_number <= coalesce(e.until_version, 9223372036854775807)
            AND s.log_xid < CASE WHEN e.until_version IS NULL THEN pg_snapshot_xmin(pg_current_snapshot())
                            ELSE '18446744073709551615' END
        ORDER BY s.log_xid DESC, s.version_number DESC LIMIT 1;
        EXIT WHEN FOUND;
    END LOOP;
END
$$;

CALL script_tracking.allow('script_tracking.store_last(bigint, xid8, bigint)', 'script_tracking_reader');
-- Refuses those who may not see or replace passwords' hashes: all but admins, unless the setting says that a tenant's logins
-- may, as agents do that carry users over.
CREATE OR REPLACE FUNCTION script_tracking.check_credential_rights() RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF script_tracking.session_is_admin() THEN
        RETURN;
    END IF;
    IF script_tracking.get_setting('carry_credentials') IS DISTINCT FROM 'on'
       OR NOT coalesce(pg_has_role(session_user, to_regrole('script_tracking_writer')::oid, 'MEMBER'), false) THEN
        RAISE EXCEPTION 'login % may not read credentials, nor replace one', quote_ident(session_user)
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'Let an administrator set carry_credentials to on: then writers may, of their own tenant.';
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.check_credential_rights()');
-- store_documents for tenants, users and credentials, which have tables of their own.
CREATE OR REPLACE FUNCTION script_tracking.store_user_documents(
    p_all boolean, p_tenant_hk bytea, p_kind text, p_key bytea, p_after_hk bytea, p_after timestamptz, p_limit bigint)
RETURNS TABLE (document_hk bytea, tenant_hk bytea, load_date timestamptz, hash_diff bytea, body text, record_source text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_kind = 'credential' THEN
        PERFORM script_tracking.check_credential_rights();
    END IF;
    RETURN QUERY SELECT d.document_hk, d.tenant_hk, d.load_date, d.hash_diff, d.body::text, d.record_source::text
    FROM script_tracking.user_document d
    WHERE d.kind = p_kind AND (p_key IS NULL OR (d.document_hk = p_key AND d.load_end_date IS NULL))
        AND (p_all OR d.tenant_hk IS NOT DISTINCT FROM p_tenant_hk)
        AND (d.document_hk, d.load_date) > (coalesce(p_after_hk, ''), coalesce(p_after, '-infinity'))
    ORDER BY d.document_hk, d.load_date LIMIT p_limit;
END
$$;

CALL script_tracking.allow('script_tracking.store_user_documents(boolean, bytea, text, bytea, bytea, timestamptz, bigint)');
-- The versions of the documents of a kind in a scope, by key, then load date; after a place. With p_key: only the open
-- version of that one.
CREATE OR REPLACE FUNCTION script_tracking.store_documents(
    p_all boolean, p_tenant_hk bytea, p_kind text, p_key bytea, p_after_hk bytea, p_after timestamptz, p_limit bigint)
RETURNS TABLE (document_hk bytea, tenant_hk bytea, load_date timestamptz, hash_diff bytea, body text, record_source text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM script_tracking.store_scope(p_all, p_tenant_hk);
    IF p_kind IN ('tenant', 'user', 'credential') THEN
        RETURN QUERY SELECT * FROM script_tracking.store_user_documents(p_all, p_tenant_hk, p_kind, p_key, p_after_hk, p_after, p_limit);
        RETURN;
    END IF;
    RETURN QUERY SELECT d.document_hk, d.tenant_hk, d.load_date, d.hash_diff, d.body::text, d.record_source::text
    FROM script_tracking.document_s d
    WHERE d.kind = p_kind AND (p_key IS NULL OR (d.document_hk = p_key AND d.load_end_date IS NULL))
        AND (p_all OR d.tenant_hk IS NOT DISTINCT FROM p_tenant_hk)
        AND (d.document_hk, d.load_date) > (coalesce(p_after_hk, ''), coalesce(p_after, '-infinity'))
    ORDER BY d.document_hk, d.load_date LIMIT p_limit;
END
$$;

CALL script_tracking.allow('script_tracking.store_documents(boolean, bytea, text, bytea, bytea, timestamptz, bigint)',
    'script_tracking_reader');
-- The figures behind the reports of a scope: of the window that ends at p_at and of the one before it ('last', 'before'), by
-- type, status and duration rounded down to 7 significant bits; then a row each of kind 'total', 'running' and 'stale'.
CREATE OR REPLACE FUNCTION script_tracking.store_activity(
    p_all boolean, p_tenant_hk bytea, p_last timestamptz, p_before timestamptz)
RETURNS TABLE (part text, script_type text, execution_status text, duration integer, operations bigint, duration_sum bigint,
    duration_max integer)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET max_parallel_workers_per_gather = 0  -- workers take longer to start than to help
AS $$
DECLARE
    v_tenants bytea[];
    v_conditions text[];
BEGIN
    PERFORM script_tracking.store_scope(p_all, p_tenant_hk);
    SELECT t.tenants, t.conditions INTO v_tenants, v_conditions FROM script_tracking.store_tenants(p_all, p_tenant_hk) t;
    RETURN QUERY EXECUTE (SELECT format($query$
        SELECT CASE WHEN later THEN 'last' ELSE 'before' END, script_type::text, execution_status::text, bucket, count(*),
            sum(duration)::bigint, max(duration)
        FROM (SELECT later, script_type, execution_status, duration, CASE
                WHEN duration < 128 THEN duration WHEN duration < 256 THEN duration & -2
                WHEN duration < 512 THEN duration & -4 WHEN duration < 1024 THEN duration & -8
                WHEN duration < 2048 THEN duration & -16 WHEN duration < 4096 THEN duration & -32
                WHEN duration < 8192 THEN duration & -64 WHEN duration < 16384 THEN duration & -128
                ELSE script_tracking.seven_bits(duration) END AS bucket
            FROM (%s) AS seen) AS seen
        GROUP BY later, script_type, execution_status, bucket $query$,
        string_agg(format('SELECT script_type, execution_status, execution_timestamp > $2 AS later, %s AS duration '
            'FROM script_tracking.script_execution_s WHERE tenant_hk %s AND %s AND execution_timestamp > $3',
            s.duration, c.condition, s.state), ' UNION ALL '))
        FROM unnest(v_conditions) AS c (condition), (VALUES
            ('execution_duration_ms', 'execution_status <> ''RUNNING'''),
            -- A duration counts when the operation has finished.
            ('NULL', 'execution_status = ''RUNNING'' AND load_end_date IS NULL')) AS s (duration, state))
    USING v_tenants, p_last, p_before;
    RETURN QUERY SELECT 'total', NULL::text, NULL::text, NULL::integer,
        CASE WHEN p_all THEN script_tracking.count_operations() ELSE script_tracking.count_operations_of(p_tenant_hk) END,
        NULL::bigint, NULL::integer;
    RETURN QUERY EXECUTE (SELECT format('SELECT unnest(ARRAY[''running'', ''stale'']), NULL::text, NULL::text, NULL::integer, '
        'unnest(ARRAY[count(*), count(*) FILTER (WHERE execution_timestamp < $2)]), NULL::bigint, NULL::integer FROM (%s) AS seen',
        string_agg(format('SELECT execution_timestamp FROM script_tracking.script_execution_s WHERE tenant_hk %s AND '
            'execution_status = ''RUNNING'' AND load_end_date IS NULL', c.condition), ' UNION ALL '))
        FROM unnest(v_conditions) AS c (condition)) USING v_tenants, p_last;
END
$$;

CALL script_tracking.allow('script_tracking.store_activity(boolean, bytea, timestamptz, timestamptz)', 'script_tracking_reader');
-- Bytes on disk, for a store.
CREATE OR REPLACE FUNCTION script_tracking.store_size() RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN script_tracking.storage_size() + pg_total_relation_size('script_tracking.document_s');
END
$$;

CALL script_tracking.allow('script_tracking.store_size()', 'script_tracking_reader');
-- What verify found in the store, newest first, before a moment. A tenant's own findings are not among them.
CREATE OR REPLACE FUNCTION script_tracking.store_checks(p_before timestamptz, p_limit bigint)
RETURNS TABLE (verified_at timestamptz, orphan_versions bigint, open_versions bigint, hash_mismatches bigint, other bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT v.verified_at, v.orphan_versions, v.open_versions, v.hash_mismatches, v.other
    FROM script_tracking.verification v
    WHERE v.tenant_hk IS NULL AND v.verified_at < coalesce(p_before, 'infinity')
    ORDER BY v.verified_at DESC, v.verification_id DESC LIMIT p_limit;
END
$$;

CALL script_tracking.allow('script_tracking.store_checks(timestamptz, bigint)', 'script_tracking_reader');
-- The version of one operation of a scope that was known at a moment; no row where nothing was.
CREATE OR REPLACE FUNCTION script_tracking.store_as_of(p_all boolean, p_tenant_hk bytea, p_execution_hk bytea, p_at timestamptz)
RETURNS SETOF script_tracking.store_row
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM script_tracking.store_scope(p_all, p_tenant_hk);
    RETURN QUERY SELECT * FROM script_tracking.store_version v
    WHERE v.script_execution_hk = p_execution_hk AND v.load_date <= p_at
        AND v.script_execution_bk IS NOT NULL AND (p_all OR v.hub_tenant_hk IS NOT DISTINCT FROM p_tenant_hk)
    ORDER BY v.load_date DESC LIMIT 1;
END
$$;

CALL script_tracking.allow('script_tracking.store_as_of(boolean, bytea, bytea, timestamptz)', 'script_tracking_reader');
-- Keeps what a verify found that ran outside of the server; true, or false when this unit brought it before.
CREATE OR REPLACE FUNCTION script_tracking.store_check(
    p_unit_id uuid, p_at timestamptz, p_orphan_versions bigint, p_open_versions bigint, p_hash_mismatches bigint, p_other bigint)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM script_tracking.store_scope(false, NULL);
    PERFORM pg_advisory_xact_lock(hashtextextended('opledger unit ' || p_unit_id, 0));
    IF EXISTS (SELECT FROM script_tracking.verification v WHERE v.unit_id = p_unit_id) THEN
        RETURN false;
    END IF;
    INSERT INTO script_tracking.verification (verified_at, sees_all, operations, versions, orphan_versions, open_versions,
        hash_mismatches, other, tenant_hk, unit_id)
    VALUES (p_at, script_tracking.session_is_admin(), script_tracking.count_operations(),
        (SELECT count(*) FROM script_tracking.script_execution_s), p_orphan_versions, p_open_versions, p_hash_mismatches,
        p_other, NULL, p_unit_id);
    RETURN true;
END
$$;

CALL script_tracking.allow('script_tracking.store_check(uuid, timestamptz, bigint, bigint, bigint, bigint)', 'script_tracking_writer');
-- Refuses a unit whose hashes are not those of its content, or that breaks a limit: says which one.
CREATE OR REPLACE FUNCTION script_tracking.store_check_unit(
    p_key bytea, p_business_key text, p_hub_source text, p_hash_diff bytea, p_name text, p_type text, p_status text,
    p_started timestamptz, p_duration integer, p_user text, p_address inet, p_objects text[], p_sql_command text,
    p_error_message text, p_metadata jsonb, p_source text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_computed bytea;
BEGIN
    PERFORM script_tracking.check_name(p_name, p_type), script_tracking.check_objects(p_objects),
        script_tracking.check_text('sql_command', p_sql_command), script_tracking.check_text('error_message', p_error_message),
        script_tracking.check_metadata(p_metadata);
    IF length(p_business_key) > 255 OR length(p_source) > 100 OR length(p_hub_source) > 100 OR length(p_user) > 100 THEN
        RAISE EXCEPTION '% is too long; the limit is % characters',
            CASE WHEN length(p_business_key) > 255 THEN 'script_execution_bk' WHEN length(p_user) > 100 THEN 'db_session_user'
                ELSE 'record_source' END, CASE WHEN length(p_business_key) > 255 THEN 255 ELSE 100 END
            USING ERRCODE = 'string_data_right_truncation';
    END IF;
    IF (p_status IN ('RUNNING', 'COMPLETED', 'FAILED')) IS NOT TRUE OR p_source IS NULL OR p_started IS NULL OR p_duration < 0 THEN
        RAISE EXCEPTION 'execution_status must be RUNNING, COMPLETED or FAILED, execution_duration_ms not negative, '
            'execution_timestamp and record_source not NULL' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF p_business_key IS NOT NULL AND p_key IS DISTINCT FROM sha256(convert_to(p_business_key, 'UTF8')) THEN
        RAISE EXCEPTION 'script_execution_hk % is not the hash of its business key, %', encode(p_key, 'hex'),
            encode(sha256(convert_to(p_business_key, 'UTF8')), 'hex') USING ERRCODE = 'invalid_parameter_value';
    END IF;
    v_computed := script_tracking.hash_attributes(p_name, p_type, p_status, p_started, p_duration, p_user, p_address, p_objects,
        p_sql_command, p_error_message, p_metadata);
    IF p_hash_diff IS DISTINCT FROM v_computed THEN
        RAISE EXCEPTION 'operation %: hash_diff % is not the hash of its content, %', encode(p_key, 'hex'),
            encode(p_hash_diff, 'hex'), encode(v_computed, 'hex') USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.store_check_unit(bytea, text, text, bytea, text, text, text, timestamptz, integer, text, '
    'inet, text[], text, text, jsonb, text)');
-- What became of a unit that store_commit could not carry out; the same rules as opledger::store::judge.
CREATE OR REPLACE FUNCTION script_tracking.store_judge(
    p_tenant_hk bytea, p_unit uuid, p_key bytea, p_business_key text, p_hub_load_date timestamptz, p_hub_source text,
    p_expect_load_date timestamptz, p_expect_hash_diff bytea, p_load_date timestamptz, p_hash_diff bytea, p_name text, p_type text,
    p_started timestamptz,
    OUT outcome text, OUT epoch bigint, OUT log_xid xid8, OUT version_number bigint, OUT theirs bytea)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v script_tracking.store_row;
BEGIN
    IF p_business_key IS NOT NULL THEN
        SELECT * INTO v FROM script_tracking.store_version r
        WHERE r.script_execution_hk = p_key AND r.hub_tenant_hk IS NOT DISTINCT FROM p_tenant_hk ORDER BY r.load_date LIMIT 1;
        IF v.script_execution_bk = p_business_key AND v.hub_load_date = p_hub_load_date AND v.hub_record_source = p_hub_source
           AND v.hash_diff = p_hash_diff AND v.load_date = p_load_date THEN
            outcome := 'replayed';
        ELSE
            -- Where the key is another tenant's, no row is found, and there is no hash to show.
            outcome := 'conflict';
            theirs := v.hash_diff;
        END IF;
    ELSE
        SELECT * INTO v FROM script_tracking.store_version r
        WHERE r.script_execution_hk = p_key AND r.load_end_date IS NULL AND r.tenant_hk IS NOT DISTINCT FROM p_tenant_hk;
        IF NOT FOUND THEN
            outcome := 'unknown';
        ELSIF (v.load_date, v.hash_diff) IS DISTINCT FROM (p_expect_load_date, p_expect_hash_diff) THEN
            outcome := CASE v.execution_status WHEN 'RUNNING' THEN 'moved' ELSE 'finished' END;
            SELECT * INTO v FROM script_tracking.store_version r WHERE r.script_execution_hk = p_key AND r.unit_id = p_unit;
            IF FOUND THEN
                outcome := CASE WHEN v.hash_diff = p_hash_diff THEN 'replayed' ELSE 'conflict' END;
                theirs := v.hash_diff;
            END IF;
        ELSIF v.execution_status <> 'RUNNING' THEN
            outcome := 'finished';
        ELSIF (v.script_name, v.script_type, v.execution_timestamp) IS DISTINCT FROM (p_name, p_type, p_started) THEN
            outcome := 'conflict';
            theirs := v.hash_diff;
        ELSIF p_load_date <= v.load_date THEN
            outcome := 'not later';
        ELSE
            RAISE EXCEPTION 'operation % changed while this was judged', encode(p_key, 'hex')
                USING ERRCODE = 'serialization_failure', HINT = 'Retry.';
        END IF;
    END IF;
    IF outcome = 'replayed' THEN
        epoch := v.epoch;
        log_xid := v.log_xid;
        version_number := v.version_number;
        theirs := NULL;
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.store_judge(bytea, uuid, bytea, text, timestamptz, text, timestamptz, bytea, timestamptz, '
    'bytea, text, text, timestamptz)');
-- Carries out units on operations of one tenant (NULL: the system's), each at a place in the arrays, no two on the same operation:
-- a start where p_business_keys has one, else a version that follows the open one of the p_expect arguments. Where p_next_units has one, that
-- unit's version follows this one; its place comes after all those, in the same order. Judges as the Rust core does.
-- One row a unit: outcome 'done', 'replayed' (with the version's number), 'conflict' (with their hash_diff, where it may be
-- seen), 'unknown', 'moved', 'finished' or 'not later'. Hashes that lie are an error, 22023, and so is what breaks a limit. The epoch
-- of what is done is the one that the session's store_open told.
CREATE OR REPLACE FUNCTION script_tracking.store_commit(
    p_tenant_hk bytea, p_keys bytea[], p_business_keys text[], p_hub_load_dates timestamptz[], p_hub_sources text[],
    p_expect_load_dates timestamptz[], p_expect_hash_diffs bytea[], p_names text[], p_types text[], p_timestamps timestamptz[],
    p_units uuid[], p_load_dates timestamptz[], p_hash_diffs bytea[], p_statuses text[], p_durations integer[], p_users text[],
    p_addresses inet[], p_objects text[], p_sql_commands text[], p_error_messages text[], p_metadata text[], p_sources text[],
    p_next_units uuid[], p_next_load_dates timestamptz[], p_next_hash_diffs bytea[], p_next_statuses text[], p_next_durations integer[],
    p_next_users text[], p_next_addresses inet[], p_next_objects text[], p_next_sql_commands text[], p_next_error_messages text[],
    p_next_metadata text[], p_next_sources text[])
RETURNS TABLE (place integer, outcome text, epoch bigint, log_xid xid8, version_number bigint, theirs bytea)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan  -- planning takes longer than the work
AS $$
DECLARE
    v_count integer := cardinality(p_units);
    v_starts integer := cardinality(array_remove(p_business_keys, NULL));
    v_versions integer := v_count + cardinality(array_remove(p_next_units, NULL));
    v_numbers bigint[];
    v_done integer;
    v_xid xid8;
BEGIN
    -- Most batches fit as a whole, in a third of the time; one that does not is gone through unit by unit.
    PERFORM script_tracking.store_scope(false, p_tenant_hk);
    v_xid := pg_current_xact_id();
    v_numbers := ARRAY(SELECT nextval('script_tracking.version_sequence') FROM generate_series(1, 2 * v_count));
    BEGIN
        v_done := 0;
        IF v_starts > 0 THEN
            INSERT INTO script_tracking.script_execution_h
                (script_execution_hk, script_execution_bk, tenant_hk, load_date, record_source, log_xid)
            SELECT g.hk, g.business_key, p_tenant_hk, g.load_date, g.source, v_xid
            FROM unnest(p_keys, p_business_keys, p_hub_load_dates, p_hub_sources) AS g (hk, business_key, load_date, source)
            WHERE g.hk = sha256(convert_to(g.business_key, 'UTF8')) AND octet_length(g.business_key) <= 255
                AND octet_length(g.source) <= 100;
            GET DIAGNOSTICS v_done = ROW_COUNT;
        END IF;
        IF v_done = v_starts AND v_starts < v_count THEN
            UPDATE script_tracking.script_execution_s s SET load_end_date = g.load_date
            FROM unnest(p_keys, p_business_keys, p_expect_load_dates, p_expect_hash_diffs, p_load_dates, p_names, p_types, p_timestamps)
                AS g (hk, business_key, expect_load_date, expect_hash_diff, load_date, name, type, started)
            WHERE g.business_key IS NULL AND s.script_execution_hk = g.hk AND s.load_date = g.expect_load_date
                AND s.load_end_date IS NULL AND s.hash_diff = g.expect_hash_diff
                AND s.execution_status <> 'COMPLETED' AND s.execution_status <> 'FAILED'
                AND s.tenant_hk IS NOT DISTINCT FROM p_tenant_hk AND s.script_name = g.name AND s.script_type = g.type
                AND s.execution_timestamp = g.started AND g.load_date > s.load_date;
            GET DIAGNOSTICS v_done = ROW_COUNT;
            v_done := v_starts + v_done;
        END IF;
        IF v_done = v_count THEN
            INSERT INTO script_tracking.script_execution_s (script_execution_hk, load_date, load_end_date, hash_diff, version_number,
                script_name, script_type, execution_status, execution_timestamp, execution_duration_ms, db_session_user, client_ip,
                affected_objects, sql_command, error_message, metadata, record_source, tenant_hk, log_xid, recorded_by, unit_id)
            SELECT g.hk, g.load_date, g.load_end_date, g.hash_diff, g.number, g.name, g.type, g.status, g.started, g.duration, g.login,
                g.address, g.objects, g.sql_command, g.error_message, g.metadata, g.source, p_tenant_hk, v_xid,
                nullif(session_user, g.login), g.unit
            FROM (SELECT u.*, u.objects_text::text[] AS objects, u.metadata_text::jsonb AS metadata
                FROM (SELECT o.hk, o.name, o.type, o.started, o.unit, o.load_date, o.hash_diff, o.status, o.duration, o.login, o.address,
                        o.objects, o.sql_command, o.error_message, o.metadata, o.source, o.number,
                        CASE WHEN o.next_unit IS NOT NULL THEN o.next_load_date END
                    FROM unnest(p_keys, p_names, p_types, p_timestamps, p_units, p_load_dates, p_hash_diffs, p_statuses,
                        p_durations, p_users, p_addresses, p_objects, p_sql_commands, p_error_messages, p_metadata, p_sources,
                        v_numbers[: v_count], p_next_units, p_next_load_dates) AS o (hk, name, type, started, unit, load_date,
                        hash_diff, status, duration, login, address, objects, sql_command, error_message, metadata, source,
                        number, next_unit, next_load_date)
                    UNION ALL
                    SELECT n.*, NULL::timestamptz
                    FROM unnest(p_keys, p_names, p_types, p_timestamps, p_next_units, p_next_load_dates, p_next_hash_diffs,
                        p_next_statuses, p_next_durations, p_next_users, p_next_addresses, p_next_objects, p_next_sql_commands,
                        p_next_error_messages, p_next_metadata, p_next_sources, v_numbers[v_count + 1 :]) AS n
                ) AS u (hk, name, type, started, unit, load_date, hash_diff, status, duration, login, address, objects_text,
                    sql_command, error_message, metadata_text, source, number, load_end_date)
                WHERE u.unit IS NOT NULL OFFSET 0) AS g
            WHERE g.load_date IS NOT NULL AND (g.load_end_date IS NULL OR g.load_end_date > g.load_date AND g.status = 'RUNNING')
                AND g.name <> '' AND octet_length(g.name) <= 255 AND g.type NOT IN ('', 'OVERALL') AND octet_length(g.type) <= 50
                AND g.status IN ('RUNNING', 'COMPLETED', 'FAILED') AND (g.duration IS NULL OR g.duration >= 0)
                AND g.source IS NOT NULL AND greatest(octet_length(g.source), octet_length(g.login)) <= 100
                AND (g.metadata IS NULL OR jsonb_typeof(g.metadata) = 'object' AND (octet_length(g.metadata_text) < 258
                    OR length(g.metadata_text) - length(translate(g.metadata_text, '{[', '')) <= 128))
                AND (g.objects IS NULL OR array_upper(g.objects, 2) IS NULL AND cardinality(g.objects) <= 10000)
                AND coalesce(greatest(octet_length(g.sql_command), octet_length(g.error_message), octet_length(g.metadata_text),
                    octet_length(g.objects_text)), 0) <= 1048576
                AND g.hash_diff = sha256(convert_to(jsonb_build_array('v1', g.name, g.type, g.status,
                    (extract(epoch FROM g.started) * 1000000)::bigint, g.duration, g.login, host(g.address), to_jsonb(g.objects),
                    g.sql_command, g.error_message, g.metadata)::text, 'UTF8'));
            GET DIAGNOSTICS v_done = ROW_COUNT;
        END IF;
        IF v_done <> v_versions THEN
            RAISE EXCEPTION USING ERRCODE = 'OL001', MESSAGE = 'not as a whole';
        END IF;
    EXCEPTION
        WHEN unique_violation OR SQLSTATE 'OL001' THEN
            v_numbers := NULL;
    END;
    IF v_numbers IS NOT NULL THEN
        IF (SELECT s.value = 'on' FROM script_tracking.setting s WHERE s.name = 'audit_log') THEN
            PERFORM script_tracking.report_completion(g.hk, g.name, g.type, g.status, g.duration)
            FROM (SELECT * FROM unnest(p_keys, p_names, p_types, p_statuses, p_durations)
                UNION ALL SELECT * FROM unnest(p_keys, p_names, p_types, p_next_statuses, p_next_durations))
                AS g (hk, name, type, status, duration)
            WHERE g.status <> 'RUNNING';
        END IF;
        IF random() < 0.0001 * v_starts THEN
            PERFORM script_tracking.fold_operation_count(p_tenant_hk);
        END IF;
        RETURN QUERY SELECT g.place::integer, 'done', NULL::bigint, v_xid, g.number, NULL::bytea
        FROM (SELECT o.place, o.number FROM unnest(v_numbers[: v_count]) WITH ORDINALITY AS o (number, place)
            UNION ALL
            SELECT v_count + n.place, n.number
            FROM unnest(v_numbers[v_count + 1 :], p_next_units) WITH ORDINALITY AS n (number, unit, place)
            WHERE n.unit IS NOT NULL) AS g;
        RETURN;
    END IF;
    FOR v_place IN 1 .. v_count LOOP
        SELECT v_place, o.outcome, o.epoch, o.log_xid, o.version_number, o.theirs
        INTO place, outcome, epoch, log_xid, version_number, theirs
        FROM script_tracking.store_commit_one(p_tenant_hk, p_keys[v_place], p_business_keys[v_place], p_hub_load_dates[v_place],
            p_hub_sources[v_place], p_expect_load_dates[v_place], p_expect_hash_diffs[v_place], p_names[v_place], p_types[v_place],
            p_timestamps[v_place], p_units[v_place], p_load_dates[v_place], p_hash_diffs[v_place], p_statuses[v_place],
            p_durations[v_place], p_users[v_place], p_addresses[v_place], p_objects[v_place], p_sql_commands[v_place],
            p_error_messages[v_place], p_metadata[v_place], p_sources[v_place]) o;
        RETURN NEXT;
        CONTINUE WHEN p_next_units[v_place] IS NULL;
        SELECT v_count + v_place, o.outcome, o.epoch, o.log_xid, o.version_number, o.theirs
        INTO place, outcome, epoch, log_xid, version_number, theirs
        FROM script_tracking.store_commit_one(p_tenant_hk, p_keys[v_place], NULL, NULL, NULL, p_load_dates[v_place],
            p_hash_diffs[v_place], p_names[v_place], p_types[v_place], p_timestamps[v_place], p_next_units[v_place],
            p_next_load_dates[v_place], p_next_hash_diffs[v_place], p_next_statuses[v_place], p_next_durations[v_place],
            p_next_users[v_place], p_next_addresses[v_place], p_next_objects[v_place], p_next_sql_commands[v_place],
            p_next_error_messages[v_place], p_next_metadata[v_place], p_next_sources[v_place]) o;
        RETURN NEXT;
    END LOOP;
END
$$;

CALL script_tracking.allow('script_tracking.store_commit(bytea, bytea[], text[], timestamptz[], text[], timestamptz[], bytea[], '
    'text[], text[], timestamptz[], uuid[], timestamptz[], bytea[], text[], integer[], text[], inet[], text[], text[], text[], text[], '
    'text[], uuid[], timestamptz[], bytea[], text[], integer[], text[], inet[], text[], text[], text[], text[], text[])',
    'script_tracking_writer');
-- store_commit for a single unit, in a quarter of the time: what most calls are. The epoch of what is done is the one
-- that the session's store_open told.
CREATE OR REPLACE FUNCTION script_tracking.store_commit_one(
    p_tenant_hk bytea, p_key bytea, p_business_key text, p_hub_load_date timestamptz, p_hub_source text,
    p_expect_load_date timestamptz, p_expect_hash_diff bytea, p_name text, p_type text, p_started timestamptz,
    p_unit uuid, p_load_date timestamptz, p_hash_diff bytea, p_status text, p_duration integer, p_user text, p_address inet,
    p_objects text, p_sql_command text, p_error_message text, p_metadata text, p_source text,
    OUT place integer, OUT outcome text, OUT epoch bigint, OUT log_xid xid8, OUT version_number bigint, OUT theirs bytea)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_objects text[] := p_objects;
    v_metadata jsonb := p_metadata;
    v_content text := jsonb_build_array('v1', p_name, p_type, p_status, (extract(epoch FROM p_started) * 1000000)::bigint,
        p_duration, p_user, host(p_address), to_jsonb(v_objects), p_sql_command, p_error_message, v_metadata);
    v_trusted boolean;
    v_tenant_hk bytea;
    v_audited boolean;
BEGIN
    place := 1;
    SELECT b.trusted, b.tenant_hk, (SELECT s.value = 'on' FROM script_tracking.setting s WHERE s.name = 'audit_log')
    INTO v_trusted, v_tenant_hk, v_audited
    FROM (SELECT) AS always LEFT JOIN script_tracking.login_binding b ON b.login = session_user;
    -- Most logins work for the tenant that they are bound to.
    IF v_trusted OR v_tenant_hk IS DISTINCT FROM p_tenant_hk THEN
        PERFORM script_tracking.store_scope(false, p_tenant_hk);
    END IF;
    -- What does not look fine at a glance is looked at closely. No part is longer than the whole, and 257 bytes can't be nested
    -- too deep. Written as few calls: each transaction sets them up anew, which takes longer than the work.
    IF (p_hash_diff = sha256(convert_to(v_content, 'UTF8')) AND octet_length(v_content) <= 1048576
        AND p_name <> '' AND greatest(octet_length(p_name), octet_length(p_business_key)) <= 255
        AND p_type NOT IN ('', 'OVERALL') AND octet_length(p_type) <= 50 AND p_status IN ('RUNNING', 'COMPLETED', 'FAILED')
        AND (p_duration IS NULL OR p_duration >= 0) AND p_source IS NOT NULL
        AND greatest(octet_length(p_source), octet_length(p_hub_source), octet_length(p_user)) <= 100
        AND (p_business_key IS NULL OR p_key = sha256(convert_to(p_business_key, 'UTF8')))
        AND (v_metadata IS NULL OR jsonb_typeof(v_metadata) = 'object' AND (octet_length(p_metadata) < 258
            OR length(p_metadata) - length(translate(p_metadata, '{[', '')) <= 128))
        AND (v_objects IS NULL OR array_upper(v_objects, 2) IS NULL AND cardinality(v_objects) <= 10000)) IS NOT TRUE THEN
        PERFORM script_tracking.store_check_unit(p_key, p_business_key, p_hub_source, p_hash_diff, p_name, p_type, p_status, p_started,
            p_duration, p_user, p_address, v_objects, p_sql_command, p_error_message, v_metadata, p_source);
    END IF;
    IF p_business_key IS NOT NULL THEN
        INSERT INTO script_tracking.script_execution_h
            (script_execution_hk, script_execution_bk, tenant_hk, load_date, record_source)
        VALUES (p_key, p_business_key, p_tenant_hk, p_hub_load_date, p_hub_source)
        ON CONFLICT DO NOTHING;
    ELSE
        UPDATE script_tracking.script_execution_s s SET load_end_date = p_load_date
        WHERE s.script_execution_hk = p_key AND s.load_date = p_expect_load_date AND s.load_end_date IS NULL
            AND s.hash_diff = p_expect_hash_diff
            AND s.execution_status <> 'COMPLETED' AND s.execution_status <> 'FAILED'
            AND s.tenant_hk IS NOT DISTINCT FROM p_tenant_hk AND s.script_name = p_name AND s.script_type = p_type
            AND s.execution_timestamp = p_started AND s.load_date < p_load_date;
    END IF;
    IF NOT FOUND THEN
        SELECT j.* INTO outcome, epoch, log_xid, version_number, theirs
        FROM script_tracking.store_judge(p_tenant_hk, p_unit, p_key, p_business_key, p_hub_load_date, p_hub_source,
            p_expect_load_date, p_expect_hash_diff, p_load_date, p_hash_diff, p_name, p_type, p_started) j;
        RETURN;
    END IF;
    outcome := 'done';
    log_xid := pg_current_xact_id();
    version_number := nextval('script_tracking.version_sequence');
    INSERT INTO script_tracking.script_execution_s (script_execution_hk, load_date, hash_diff, version_number,
        script_name, script_type, execution_status, execution_timestamp, execution_duration_ms, db_session_user, client_ip,
        affected_objects, sql_command, error_message, metadata, record_source, tenant_hk, log_xid, recorded_by, unit_id)
    VALUES (p_key, p_load_date, p_hash_diff, version_number, p_name, p_type, p_status, p_started, p_duration, p_user, p_address,
        v_objects, p_sql_command, p_error_message, v_metadata, p_source, p_tenant_hk, log_xid, nullif(session_user, p_user),
        p_unit);
    IF p_business_key IS NOT NULL AND random() < 0.0001 THEN
        PERFORM script_tracking.fold_operation_count(p_tenant_hk);
    END IF;
    IF p_status <> 'RUNNING' AND v_audited THEN
        PERFORM script_tracking.report_completion(p_key, p_name, p_type, p_status, p_duration);
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.store_commit_one(bytea, bytea, text, timestamptz, text, timestamptz, bytea, text, text, '
    'timestamptz, uuid, timestamptz, bytea, text, integer, text, inet, text, text, text, text, text)', 'script_tracking_writer');
-- Judges a new version of a document against the open one, as opledger::store::judge does; 'done' means: carry it out. Until
-- the end of the transaction, the document is ours.
CREATE OR REPLACE FUNCTION script_tracking.store_judge_put(
    p_tenant_hk bytea, p_unit uuid, p_kind text, p_key bytea, p_load_date timestamptz, p_hash_diff bytea, p_expect_hash_diff bytea,
    OUT outcome text, OUT theirs bytea)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v script_tracking.document_s;
BEGIN
    PERFORM script_tracking.store_scope(false, p_tenant_hk);
    PERFORM pg_advisory_xact_lock(hashtextextended('opledger document ' || p_kind || encode(p_key, 'hex'), 0));
    SELECT * INTO v FROM script_tracking.document_s d
    WHERE d.kind = p_kind AND d.document_hk = p_key AND d.load_end_date IS NULL AND d.tenant_hk IS NOT DISTINCT FROM p_tenant_hk;
    IF NOT FOUND THEN
        outcome := CASE WHEN p_expect_hash_diff IS NULL THEN 'done' ELSE 'unknown' END;
    ELSIF v.unit_id = p_unit AND v.hash_diff = p_hash_diff THEN
        outcome := 'replayed';
    ELSIF p_expect_hash_diff IS NULL OR v.unit_id = p_unit THEN
        outcome := 'conflict';
        theirs := v.hash_diff;
    ELSIF v.hash_diff <> p_expect_hash_diff THEN
        outcome := 'moved';
    ELSIF p_load_date <= v.load_date THEN
        outcome := 'not later';
    ELSE
        outcome := 'done';
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.store_judge_put(bytea, uuid, text, bytea, timestamptz, bytea, bytea)');
-- Refuses a tenant, user or credential from another store that is not what this one would have written itself.
CREATE OR REPLACE FUNCTION script_tracking.check_user_document(
    p_tenant_hk bytea, p_kind text, p_key bytea, p_hash_diff bytea, p_body jsonb, p_source text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_keys text[] := CASE p_kind WHEN 'tenant' THEN '{registered_by,tenant_id}'::text[] WHEN 'user' THEN '{email}' ELSE '{password_hash}' END;
    v_email text := p_body->>'email';
BEGIN
    IF p_hash_diff IS DISTINCT FROM sha256(convert_to(p_body::text, 'UTF8')) THEN
        RAISE EXCEPTION '%: hash_diff is not the hash of its body', p_kind USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF NOT p_body ?& v_keys OR p_body - v_keys <> '{}' OR jsonb_path_exists(p_body, '$.* ? (@.type() <> "string")') THEN
        RAISE EXCEPTION '%: the body must have %, as strings, and nothing else', p_kind, array_to_string(v_keys, ' and ')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF length(p_source) > 100 OR length(p_body->>'tenant_id') > 255 OR octet_length(p_body->>'registered_by') > 63 THEN
        RAISE EXCEPTION '%: too long; the limits are 100 characters of record_source, 255 of tenant_id, 63 bytes of registered_by', p_kind
            USING ERRCODE = 'string_data_right_truncation';
    END IF;
    IF p_kind = 'tenant' THEN
        IF p_body->>'tenant_id' = '' OR p_tenant_hk IS DISTINCT FROM p_key
           OR p_key IS DISTINCT FROM script_tracking.calculate_hash_key(p_body->>'tenant_id') THEN
            RAISE EXCEPTION 'tenant: its key must be the hash key of its tenant_id, which is not empty'
                USING ERRCODE = 'invalid_parameter_value';
        END IF;
        IF NOT script_tracking.session_is_admin() THEN
            RAISE EXCEPTION 'login % may not register tenants', quote_ident(session_user)
                USING ERRCODE = 'insufficient_privilege', HINT = 'Let an administrator call auth.register_tenant.';
        END IF;
    ELSIF NOT EXISTS (SELECT FROM script_tracking.tenant_h t WHERE t.tenant_hk = p_tenant_hk) THEN
        RAISE EXCEPTION '%: its tenant is not registered', p_kind
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Let an administrator call auth.register_tenant.';
    ELSIF p_kind = 'user' THEN
        PERFORM script_tracking.check_email(v_email);
        IF p_key IS DISTINCT FROM script_tracking.calculate_user_key(p_tenant_hk, v_email) THEN
            RAISE EXCEPTION 'user: its key is not that of its tenant and e-mail' USING ERRCODE = 'invalid_parameter_value';
        END IF;
    ELSE
        -- No cost above those that settings allow: a login would take for ever.
        IF p_body->>'password_hash' !~ '^[$]2a[$](0[4-9]|1[0-5])[$][./A-Za-z0-9]{53}$' THEN
            RAISE EXCEPTION 'credential: password_hash is no bcrypt of the form $2a$, with a cost from 4 to 15'
                USING ERRCODE = 'invalid_parameter_value';
        END IF;
        IF NOT EXISTS (SELECT FROM script_tracking.user_h u WHERE u.user_hk = p_key AND u.tenant_hk = p_tenant_hk) THEN
            RAISE EXCEPTION 'credential: its tenant has no such user' USING ERRCODE = 'invalid_parameter_value';
        END IF;
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.check_user_document(bytea, text, bytea, bytea, jsonb, text)');
-- Writes a version of a tenant, user or credential after the open one, and the hub where there is none. A session that
-- registers the same meanwhile, by another function, is a reason to judge again.
CREATE OR REPLACE FUNCTION script_tracking.write_user_document(
    p_tenant_hk bytea, p_kind text, p_key bytea, p_load_date timestamptz, p_body jsonb, p_source text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_email text := p_body->>'email';
    v_hash text := p_body->>'password_hash';
BEGIN
    IF p_kind = 'tenant' THEN
        INSERT INTO script_tracking.tenant_h (tenant_hk, tenant_bk, load_date, record_source)
        VALUES (p_key, p_body->>'tenant_id', p_load_date, p_source) ON CONFLICT DO NOTHING;
        UPDATE script_tracking.tenant_s s SET load_end_date = p_load_date WHERE s.tenant_hk = p_key AND s.load_end_date IS NULL;
        INSERT INTO script_tracking.tenant_s (tenant_hk, load_date, hash_diff, tenant_id, registered_by, record_source)
        VALUES (p_key, p_load_date, script_tracking.hash_texts(p_body->>'tenant_id', p_body->>'registered_by'),
            p_body->>'tenant_id', (p_body->>'registered_by')::name, p_source) ON CONFLICT DO NOTHING;
    ELSIF p_kind = 'user' THEN
        INSERT INTO script_tracking.user_h (user_hk, user_bk, tenant_hk, load_date, record_source)
        VALUES (p_key, script_tracking.user_business_key(p_tenant_hk, v_email), p_tenant_hk, p_load_date, p_source) ON CONFLICT DO NOTHING;
        UPDATE script_tracking.user_s s SET load_end_date = p_load_date WHERE s.user_hk = p_key AND s.load_end_date IS NULL;
        INSERT INTO script_tracking.user_s (user_hk, load_date, hash_diff, email, tenant_hk, record_source)
        VALUES (p_key, p_load_date, script_tracking.hash_texts(v_email), v_email, p_tenant_hk, p_source) ON CONFLICT DO NOTHING;
    ELSE
        UPDATE script_tracking.credential_s s SET load_end_date = p_load_date WHERE s.user_hk = p_key AND s.load_end_date IS NULL;
        INSERT INTO script_tracking.credential_s (user_hk, load_date, hash_diff, password_hash, bcrypt_cost, tenant_hk, record_source)
        VALUES (p_key, p_load_date, script_tracking.hash_texts(v_hash), v_hash, substr(v_hash, 5, 2)::integer, p_tenant_hk, p_source)
        ON CONFLICT DO NOTHING;
    END IF;
    IF NOT FOUND THEN
        RAISE EXCEPTION '% % changed while it was written', p_kind, encode(p_key, 'hex')
            USING ERRCODE = 'serialization_failure', HINT = 'Retry.';
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.write_user_document(bytea, text, bytea, timestamptz, jsonb, text)');
-- store_put for tenants, users and credentials: judged in the same way, but for the unit, which these tables do not
-- have. The same content at the same load date is the same version.
CREATE OR REPLACE FUNCTION script_tracking.store_user_put(
    p_tenant_hk bytea, p_kind text, p_key bytea, p_load_date timestamptz, p_hash_diff bytea, p_body jsonb, p_source text,
    p_expect_hash_diff bytea, OUT outcome text, OUT theirs bytea)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v script_tracking.user_document;
BEGIN
    PERFORM script_tracking.store_scope(false, p_tenant_hk),
            script_tracking.check_user_document(p_tenant_hk, p_kind, p_key, p_hash_diff, p_body, p_source);
    -- Until the end of the transaction, the document is ours.
    PERFORM pg_advisory_xact_lock(hashtextextended('opledger document ' || p_kind || encode(p_key, 'hex'), 0));
    SELECT * INTO v FROM script_tracking.user_document d
    WHERE d.kind = p_kind AND d.document_hk = p_key AND d.load_end_date IS NULL AND d.tenant_hk = p_tenant_hk;
    outcome := CASE
        WHEN v.document_hk IS NULL AND p_expect_hash_diff IS NULL THEN 'done'
        WHEN v.document_hk IS NULL THEN 'unknown'
        WHEN v.load_date = p_load_date AND v.hash_diff = p_hash_diff THEN 'replayed'
        WHEN p_expect_hash_diff IS NULL THEN 'conflict'
        WHEN v.hash_diff <> p_expect_hash_diff THEN 'moved'
        WHEN p_load_date <= v.load_date THEN 'not later'
        ELSE 'done' END;
    IF outcome = 'conflict' THEN
        theirs := v.hash_diff;
    ELSIF outcome = 'done' THEN
        IF p_kind = 'credential' AND v.document_hk IS NOT NULL THEN
            PERFORM script_tracking.check_credential_rights();
        END IF;
        PERFORM script_tracking.write_user_document(p_tenant_hk, p_kind, p_key, p_load_date, p_body, p_source);
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.store_user_put(bytea, text, bytea, timestamptz, bytea, jsonb, text, bytea)');
-- Writes a new version of a document, if it fits the open one: outcomes as of store_commit. Of a kind without history the
-- last version alone stays.
CREATE OR REPLACE FUNCTION script_tracking.store_put(
    p_tenant_hk bytea, p_unit uuid, p_kind text, p_keeps_versions boolean, p_key bytea, p_load_date timestamptz, p_hash_diff bytea,
    p_body text, p_source text, p_expect_hash_diff bytea, OUT outcome text, OUT theirs bytea)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_kind IN ('tenant', 'user', 'credential') THEN
        SELECT u.outcome, u.theirs INTO outcome, theirs FROM script_tracking.store_user_put(p_tenant_hk, p_kind, p_key, p_load_date,
            p_hash_diff, p_body::jsonb, p_source, p_expect_hash_diff) u;
        RETURN;
    END IF;
    IF p_hash_diff IS DISTINCT FROM sha256(convert_to(p_body::jsonb::text, 'UTF8')) THEN
        RAISE EXCEPTION 'document %: hash_diff is not the hash of its body', encode(p_key, 'hex')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF octet_length(p_body) > 32768 OR length(p_source) > 100 OR length(p_kind) > 50 THEN
        RAISE EXCEPTION 'a document is too long: the limits are 32768 bytes of body, 100 characters of record_source, 50 of kind'
            USING ERRCODE = 'string_data_right_truncation';
    END IF;
    SELECT j.outcome, j.theirs INTO outcome, theirs FROM script_tracking.store_judge_put(p_tenant_hk, p_unit, p_kind, p_key, p_load_date,
        p_hash_diff, p_expect_hash_diff) j;
    IF outcome <> 'done' THEN
        RETURN;
    END IF;
    IF p_keeps_versions THEN
        UPDATE script_tracking.document_s d SET load_end_date = p_load_date
        WHERE d.kind = p_kind AND d.document_hk = p_key AND d.load_end_date IS NULL AND d.tenant_hk IS NOT DISTINCT FROM p_tenant_hk;
    ELSE
        DELETE FROM script_tracking.document_s d WHERE d.kind = p_kind AND d.document_hk = p_key AND d.tenant_hk IS NOT DISTINCT FROM p_tenant_hk;
    END IF;
    INSERT INTO script_tracking.document_s (kind, document_hk, load_date, hash_diff, body, tenant_hk, unit_id, record_source)
    VALUES (p_kind, p_key, p_load_date, p_hash_diff, p_body::jsonb, p_tenant_hk, p_unit, p_source)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        -- The key is another tenant's, whose document may not be seen.
        outcome := 'conflict';
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.store_put(bytea, uuid, text, boolean, bytea, timestamptz, bytea, text, text, bytea)',
    'script_tracking_writer');
-- Removes operations of one tenant by name, whatever their state, and puts the document that says so: all, or nothing.
CREATE OR REPLACE FUNCTION script_tracking.store_remove(
    p_tenant_hk bytea, p_keys bytea[], p_expect_load_dates timestamptz[], p_expect_hash_diffs bytea[],
    p_unit uuid, p_kind text, p_keeps_versions boolean, p_key bytea, p_load_date timestamptz, p_hash_diff bytea, p_body text,
    p_source text, p_expect_hash_diff bytea, OUT outcome text, OUT theirs bytea)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- The record tells whether this was done before.
    SELECT j.outcome, j.theirs INTO outcome, theirs FROM script_tracking.store_judge_put(p_tenant_hk, p_unit, p_kind, p_key, p_load_date,
        p_hash_diff, p_expect_hash_diff) j;
    IF outcome <> 'done' THEN
        RETURN;
    END IF;
    -- Locked first, then looked at by a statement that sees what the lock waited for.
    PERFORM FROM script_tracking.script_execution_s s WHERE s.script_execution_hk = ANY (p_keys)
        ORDER BY s.script_execution_hk, s.load_date FOR UPDATE;
    outcome := (
        SELECT CASE WHEN s.script_execution_hk IS NULL THEN 'unknown' ELSE 'moved' END
        FROM unnest(p_keys, p_expect_load_dates, p_expect_hash_diffs) WITH ORDINALITY AS g (hk, load_date, hash_diff, place)
        LEFT JOIN script_tracking.script_execution_s s ON s.script_execution_hk = g.hk AND s.load_end_date IS NULL
            AND s.tenant_hk IS NOT DISTINCT FROM p_tenant_hk
        WHERE (s.load_date, s.hash_diff) IS DISTINCT FROM (g.load_date, g.hash_diff)
        ORDER BY g.place LIMIT 1);
    IF outcome IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT d.outcome, d.theirs INTO outcome, theirs FROM script_tracking.store_put(p_tenant_hk, p_unit, p_kind, p_keeps_versions, p_key,
        p_load_date, p_hash_diff, p_body, p_source, p_expect_hash_diff) d;
    IF outcome = 'done' THEN
        PERFORM script_tracking.remove_operations(p_keys);
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.store_remove(bytea, bytea[], timestamptz[], bytea[], uuid, text, boolean, bytea, '
    'timestamptz, bytea, text, text, bytea)', 'script_tracking_writer');
-- Removes up to p_limit finished operations of a scope that started before p_before, oldest first by tenant; how many, and
-- whether there may be more.
CREATE OR REPLACE FUNCTION script_tracking.store_purge(
    p_all boolean, p_tenant_hk bytea, p_before timestamptz, p_limit bigint, OUT operations bigint, OUT more boolean)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenants bytea[];
    v_conditions text[];
    v_old bytea[];
BEGIN
    PERFORM script_tracking.store_scope(p_all, p_tenant_hk);
    SELECT t.tenants, t.conditions INTO v_tenants, v_conditions FROM script_tracking.store_tenants(p_all, p_tenant_hk) t;
    EXECUTE (SELECT format('SELECT array_agg(script_execution_hk) FROM (SELECT * FROM (%s) AS old LIMIT $3) AS old',
        string_agg(format('(SELECT script_execution_hk FROM script_tracking.script_execution_s WHERE tenant_hk %s '
            'AND execution_status <> ''RUNNING'' AND execution_timestamp < $2 '
            'ORDER BY tenant_hk, execution_timestamp LIMIT $3)', c.condition), ' UNION ALL '))
        FROM unnest(v_conditions) AS c (condition))
    INTO v_old USING v_tenants, p_before, p_limit + 1;
    more := coalesce(cardinality(v_old) > p_limit, false);
    v_old := v_old[1 : p_limit];
    operations := coalesce(cardinality(v_old), 0);
    PERFORM script_tracking.remove_operations(v_old);
END
$$;

CALL script_tracking.allow('script_tracking.store_purge(boolean, bytea, timestamptz, bigint)', 'script_tracking_admin');
-- Generated: cargo run -p opledger-sql --example checksums
INSERT INTO script_tracking.installed_file AS f (file, checksum) VALUES
    ('privileges/prepare.sql', '\xa76193b921cfd1238f5b90bea0c00561d10fe914804f8e530f98660a0c9038d3'),
    ('privileges/roles.sql', '\x4512cfa074f44169fb62a2dcbd04ed6e98cac767a1cc459ac6851785579a00a2'),
    ('privileges/pgcrypto.sql', '\x9f151bd7f6b8b11a8eaf002763078932bba3306987beb1de6af75aeb1d372086'),
    ('privileges/schemas.sql', '\xcaf8141d50087ed01d7b7be1a2a109f27ce7777a2ea1b6bdfec057747e46e80e'),
    ('privileges/pgcrypto_usage.sql', '\xb2ba8cf59542f60ec662fe10f2f1e4781a919c957c9f8044dcae37df716d3304'),
    ('privileges/become_owner.sql', '\x25d28f4e8dbcb0e4695926f3c8e124ade657c414427cf2a2ef3a501ed2b4ba1b'),
    ('functions/allow.sql', '\x245eb4abd5982ee656feeb67006eb45a1d9793c9aa86ebbb56524172bac736ba'),
    ('functions/allow_table.sql', '\xf0b7c470401f2b4f3f059ad67de07baa60b189c1ff2a164157ff3eb23b18f938'),
    ('functions/put_policy.sql', '\x9f57b972f80a35516212340fa4ae2981e8449d18a5cdc5654e85d4f119bbe97b'),
    ('functions/put_tenant_policy.sql', '\x0f4420d4e9e002133e0e16bc52f7ff55e0aa70a3f1a790ae1ed20d1a758d9332'),
    ('functions/put_writer_policy.sql', '\x17b3ef42e470b7848d95fb77c7022fc85bf9fae0f8ea9eb27298cce4a2edba24'),
    ('functions/session_is_admin.sql', '\x8698fa28593869cb4b303feaf0fde30c52eb541c5b5ad687648a45f8384140fc'),
    ('functions/chosen_tenant.sql', '\x230c489738e9496aa5170b5933a342a86a24b7add86f0eab3cbbab3a05605637'),
    ('functions/session_tenant.sql', '\xc93765f2c8595c575402b130e0d475ae7094ece4acd7bf2b7701021c1387bdb3'),
    ('functions/current_load_date.sql', '\xfed7960d99a784d9b126bae05da8a0f22a5d2ccfce209d4aafb31259c50d74ef'),
    ('functions/hash_binary.sql', '\x5533fe9a7a573d3074543b519fc804d3a9b568b3c2dfa689e7b9a6de241aa1ae'),
    ('tables/schema_version.sql', '\xa4bddfe659e922e2e999e02dc0983b0b4f39292e676b55ef12da36fc2fe6eccd'),
    ('tables/installed_file.sql', '\x2ca2e66305330046b4ee72f6a6c490f8b42926ba6471958f222a3653355360fd'),
    ('tables/made_object.sql', '\xf46ac68a31fa9612bf5b6c7255c2060aa53be105ce8933a5e15455795eb51ca1'),
    ('tables/login_binding.sql', '\x5f496909a14e79e27cb7e33597aa7d8b1eccef847119895916aea88df3f58591'),
    ('tables/setting.sql', '\xd4d8eaf3da48e1e3db51520dc600bf416a1d4aacc597032af843418f124b0497'),
    ('tables/setting_change.sql', '\xe51997c1f4d0d42755189a5077bbc84878bfaf3f8464cfa88b8576a8ed84cabd'),
    ('tables/version_sequence.sql', '\x3267e1978ecf94b4430792488afb3e8827c67afdbc77eceef9df26b6622260af'),
    ('tables/script_execution_h.sql', '\x5fe2b650fbc830d75f20bd2cd542f79615730fb55e9c9b6a03c81ccea480dfbd'),
    ('tables/script_execution_s.sql', '\x0399e30b882823b78178a8aeb91412cfe14c5113e0f8dd0276afc1cb4752c7fa'),
    ('tables/operation_count.sql', '\x1871b66e4e85ffe07f837d9501a2152b3fe2268e0c2c2bccce0a3c6760243539'),
    ('tables/idempotency_key.sql', '\x96c3a835c4d16c026d54942c6cc988c4d79fcd87d7dbda35d8b9d7fe26157c69'),
    ('tables/verification.sql', '\x171e879d41c06b6dbeae2a3e42b3c6dc9992b99e144f6af51518bfea390d4fea'),
    ('tables/audit_event.sql', '\x28a6d451bb7ea2512af100ecc7334c0740a31517a0a14ff0f70fbbff98a4821f'),
    ('tables/tenant_h.sql', '\xa60f0eea46bcf0ca7f87c53430d5b7444ae8fa60697bfb739854f2d9dad9690c'),
    ('tables/tenant_s.sql', '\x979a7fce8e22bca911d54f6f6ed5c8a303315262bc4ad6f943bb2f5816949417'),
    ('tables/user_h.sql', '\x499070ac3a63b62065bced1fd97f49af64afcaf9794d4a8149f5227d151e66ea'),
    ('tables/user_s.sql', '\x42bbeea9d8ddfca69cb4735fbbad68324badf763fecfccfd67cedae8a8c3ea6c'),
    ('tables/credential_s.sql', '\x671fe4f309d097dfa6628f8c349edd1be5ddda7b5cfd16f10245105f1c865835'),
    ('tables/session_h.sql', '\x6181f3c861309b04d51457ca3ac910c6771192bb61840392379bf2baa77c86fd'),
    ('tables/session_s.sql', '\x9805a9099ec32d8d2dd79a4df61f05014c1624e584548dce76b7997962a6517f'),
    ('tables/login_attempt.sql', '\x63a8f369969858821a2c401466824cb56e7044e0f63f6b7358acbca45bae9183'),
    ('tables/migration.sql', '\xf535c365c621ba88b31325763e87dbfa354286f61cb93a39505633ee5a28d136'),
    ('tables/log_epoch.sql', '\x694c882214bfe594c59b84f0575f85b74378f99f61ab8afd0da1fced18d7338f'),
    ('tables/document_s.sql', '\x378c4873b0591ae2f873432672667d1f621af12baa881b94f5499dfc57888c3b'),
    ('policies/schema_version.sql', '\xb207964a8b4312dcb199943fde7611e97e993f5ecc15a5bc932e522e945837a8'),
    ('policies/installed_file.sql', '\xd2ae2a27bb5a728bf04a32589e7c4212217cdd0aba753a633115a92a4df4cb48'),
    ('policies/login_binding.sql', '\xef8060910814d33d858659d3562a3a69569fa8ed8664524f5df43d7dad80c884'),
    ('policies/setting.sql', '\xbf2ffd021f21d88300297e9c5493621456b0f4ed03e6c586c72ed59a8566c026'),
    ('policies/setting_change.sql', '\xd2d13af8b24c004922f0d79dd20699e8ae2a3325c527bf5fa71db3345dedf34d'),
    ('policies/script_execution_h.sql', '\xcf21a26f91027b762a3f874a93e36ac16dbe76be14763e723ccaa0406ab32045'),
    ('policies/script_execution_s.sql', '\x09f890d0af71153a5f0f1dc66a6efbf012ce17e6aa7fe068f17f4128da6f3c3c'),
    ('policies/operation_count.sql', '\x9439c91696a3777b788217abd28c0c8d9dbc9da77f410b9639d241937a0bb7c5'),
    ('policies/idempotency_key.sql', '\xe3626edfce6b80ea6750ffb7f26d9d59284faf0a20a89699e188067af668ded5'),
    ('policies/verification.sql', '\x180a388c283638314bf5573d5bde94575e6ab7ef4a90057119315a61a217f103'),
    ('policies/tenant_h.sql', '\xc92524430de6edff586c1c0b8d0a1ea115e7175df992d8ede703f849f5f4a1cd'),
    ('policies/tenant_s.sql', '\x8a7d4a809ed8b525358d0b954acd6f504934deffea3a50d9242b7a943b9eecd3'),
    ('policies/user_h.sql', '\xaebe9e8a615902d504eea74a8a5a3e3c357d16f67c2c27fbc4528a6b883141ed'),
    ('policies/user_s.sql', '\x0ee31a063c18ff2ff952aaa5d99f60c5379eae6b1e7b19fdfb60743a8a05bf59'),
    ('policies/credential_s.sql', '\xa664175405c330742ffc5eac6d1498514be4ce15b24ddd513ec7795b6005cb53'),
    ('policies/session_h.sql', '\xdf430dff23feafca1755dad83b3d7b6e2dd14d1c589eb4768e1875bbf2b2efaf'),
    ('policies/session_s.sql', '\x368b204aef1d3b3325e29464a8753e9675a2cec5f97d097901e2da6c1073de17'),
    ('policies/login_attempt.sql', '\x1b39ed3309cee39b1245444a4fb1c3af3211924912b04ce60f048b5a1e2f5cf6'),
    ('policies/migration.sql', '\x8412287ffbebec4631cbcd469d8bba37a6a470dbf581eb663b2f1eab3737ec4b'),
    ('policies/log_epoch.sql', '\x3a6bee51815b626adee4d037855a9e183724344e33cbcd3b9823ca95796c8663'),
    ('policies/document_s.sql', '\xfc3214e108fcd667c38be60854be47f9721f77bb608a97aa023ef6eb77527e03'),
    ('migrations/001_first.sql', '\xfa4210a6c1db022c1cea94ea88ae516b4c1d0d5a72546184c5bf3c53dabd4f33'),
    ('functions/record_setting_change.sql', '\x1d7d30640190ec6937db14552954f9d044532bc4642e355717930530f3558548'),
    ('triggers/setting_record_change.sql', '\xb46cf89b4ce65553eef7c5d25f52db158eecb533d97d69c76c97d37dd896985c'),
    ('triggers/login_binding_record_change.sql', '\x41cd9ef46629cc25c669f954dd5f19e1ec371163b2f69461014614d48a1427bc'),
    ('tables/setting_rows.sql', '\x466813873825d69cea83e6910abddca3eae6b4fe1a3a64f8ef290c9637015321'),
    ('functions/get_setting.sql', '\xb7839816b7acee705144b3e0330506bca84d78ca0a8ef60e767794fb6e3e1d9f'),
    ('functions/set_setting.sql', '\x29c3113571fa1bc6f7e4d1dc657e4102cd77cba13107993012d8172f42d7b1e3'),
    ('functions/bind_login.sql', '\xf37b058b7b2c77b6e07b7a61a5f68b2ea4ad0fb2c905ed91c3a4abcd7944999a'),
    ('functions/trust_login.sql', '\xebb3713d9c1bad4e622b94df1906b188de6b0d6430b33618a72cdf8e23236434'),
    ('functions/unbind_login.sql', '\x0f4a51d13c1452eee0344085d5b34b2a39b6fc958a17d51c48e473e0559e1673'),
    ('functions/calculate_hash_key.sql', '\xb6751d6100d7ba20896d8e9d34a09ba704f05b8ac9793ed8308fe7f2da3a7e35'),
    ('functions/hash_attributes.sql', '\xaffe9bd7ce0c4a96e7ca82aaf33ed7957cdc3a09ffe7412c74457b27931e876c'),
    ('functions/calculate_hash_diff.sql', '\x37c5ff0e7caf15ff80336540cd66b3f0f8042fbc5edaf0738bb0a8f16a7e7041'),
    ('functions/business_key.sql', '\xf6de3013640598f6fe7e0d0b4f9b3582c6d7f87ca152fa81884bc56c7968dfd8'),
    ('functions/generate_unique_script_name.sql', '\xb7ae7e3b39c2159b46c058812c24ccf0dfc4b2ce88454121ff0a0923296ee097'),
    ('functions/milliseconds.sql', '\x993a2f9ec3b9b926df01a8bccfbd762865632576cb41e0eb8f8cc18ee41fa594'),
    ('functions/check_name.sql', '\xd7dcb598af10be3389e01ba81f99f8007bda4efe430edb2950226fe8d8e8df83'),
    ('functions/check_text.sql', '\x06acb3fe9bafc8b62bd3f3b8f29165e3ce9ac1522cfb6062089a1e03c9bf258d'),
    ('functions/check_objects.sql', '\x0d64c2c3e5f317f93f12ef75aa479f0a8cd9f1d6dac85e28215ffa5da76734b4'),
    ('functions/check_metadata.sql', '\x20deca1b4bb99493950c2099265e07e6f05d743c12fcfbd6d2cca60727f433f7'),
    ('functions/add_objects.sql', '\x2292bdd1291ab86778e7415d252c030a563e9a3cf44caee4fafa3ba9c6b9fafe'),
    ('functions/count_since.sql', '\x94a1747090b40f97788e18e76bab5bb8e62519ca79604ea346833157f197383a'),
    ('functions/lock_operation_count.sql', '\x781f5fb260c6d0839db5d26aaca82944211137bd029d9e7141e414bf6a8aaf40'),
    ('functions/fold_operation_count.sql', '\x9a24822b16bf48e0dfe81efd85b92d3f45267c5aea8462e615d9a699b1e9da4f'),
    ('functions/log_audit_event.sql', '\x6edabfceaf755e4bfca9bde4fa0367c9a3062d0983cf8595955dc550c9f86946'),
    ('functions/report_completion.sql', '\x553fd526554f185230b62941366e4eecc58d0983052980dbd39bdf7adee91ac2'),
    ('functions/write_start.sql', '\xb76787abb4f80c039d1c2f8c607c6ee661786070b794c6a028f600f7c46ed07d'),
    ('functions/write_next.sql', '\x455d3ee8f4255f83c7408d461dabd34a483ed8d001a3ada488fd1f7967575cf9'),
    ('functions/write_finished.sql', '\xcf7a076a19cf49446f08ea85320b11a07ea2e21b91998e297f8cc0bf59e0592e'),
    ('functions/claim_key.sql', '\x9f1a299b00875365106ccc6766881a23346654400d7d2e731bd5ba18d91eb440'),
    ('functions/track_operation.sql', '\x73219c84211fe0e284aa1ad4a664bb0263e3f9017911467d9639fbc779bedcf1'),
    ('functions/start_operation.sql', '\x683030208822f64c80e2d1e6e41ecab6f3f23177caeeaac8fbab4a669db7a473'),
    ('functions/complete_operation.sql', '\x6add89d2787b775fc99a697ba1638dc74fc3495512fe3a7af9d8022d58a507d9'),
    ('functions/annotate_operation.sql', '\x2c6b9a73fc8ce0a501441d7789fceddddb4df63d7477dc74c5519c0f71986d5a'),
    ('functions/record_operation.sql', '\x24093550b953d31397904c018e1d28eba8773a3b3da72249e5715169305347f5'),
    ('functions/check_place_count.sql', '\x9012c1c6c391c40d5f7647916b88a2406b498dbb5f6dba5511779ada1adf292a'),
    ('functions/record_operations.sql', '\x30c211d7faf89b0ef0fbd3ca0ca077d6832cc23491f7be78270cefeb999f9f5e'),
    ('types/tally.sql', '\x84b334eae8f0b981c6037f2bb65b61f4f558dfb67d17b22e2f781dac48f8c249'),
    ('functions/window_start.sql', '\x29c2ae43e39cd5e19e6ce9f45fe19b58f6dd17862fe62eb99d4a47c592dcb82d'),
    ('functions/visible_tenants.sql', '\xd3ccf8279fee3009d92769a2ff077386ff2d2e7d90685eec6b2a0189b075970e'),
    ('functions/sees_system.sql', '\x03fe697d45b5f2f8f19da9ee7746e513ee4ac066ee23ca304f11692390f15111'),
    ('functions/each_tenant.sql', '\x0726f6690368b43f84b376db6c1815212e576a7735cee02530dc5e4fc6ca4fd2'),
    ('functions/seen_rows.sql', '\x4bb685f0ee964fc7d99f9a6f618864ad85ba3bcbacf8d10dec1e785a6c191949'),
    ('functions/hundredths.sql', '\xf1ba8b5a600096344303f5dbca0d0bf00192206f4ee81fe466a91bfc21391364'),
    ('functions/rate_success.sql', '\xa59352111cb1d0c422b234ed940dee7431ebd4936e745ba8d36924b7c8cef6af'),
    ('functions/rate_duration.sql', '\xd5e0057dd53bf30c75b775f44f44dead479133aba97f5d1834814e162bb4ff41'),
    ('functions/rate_performance.sql', '\xfd61a6344213aba4efc79008c5d60e94b963bbe1f67abb860299c6c13eb6d241'),
    ('functions/seven_bits.sql', '\xc2db197543721bade5a240893c3b10463b2d5569d0a62aef3c1fe06d92a95833'),
    ('functions/direction.sql', '\xfb0a19c8e692c3ee74e84995689642ba2e7658d29753fe29eb981fb44bdec3fb'),
    ('functions/tallies.sql', '\xad089e9193595510d3629f63bfea4c0355de55de84a25eba2dc329edbb0b6826'),
    ('functions/count_operations_of.sql', '\x9de969a3fcf13013434cfff444d3cd0507acf7fc941f997f482d8b11cd3d9d99'),
    ('functions/count_operations.sql', '\xfc4f8e3a540a255fc31306cd44d18a3998095823fa9b9e030748919e519dbb72'),
    ('functions/count_running.sql', '\x13536183d5ae7cfa7576b1d794621d53a1e8d0c50c1f5fbead9fe60a958bd125'),
    ('functions/storage_size.sql', '\xc1f819c8f5d38022cb3711dee03db0a432e54b285623973271ade6d0478388cf'),
    ('functions/health_score.sql', '\x31a48218f0354b1b1d56b6ea1402535c71215a4fff60937b172b6b21b0a0cb5b'),
    ('functions/enterprise_dashboard_at.sql', '\x1bfa0b1acdea522a926e58406705e18360f3eee1341d9df433105286aeed0fa1'),
    ('functions/get_enterprise_dashboard.sql', '\xec0fdb0202f81e2912df1b4c0855ba9b81a13b4c6c176f99f6fd0529918d43f2'),
    ('functions/performance_metrics_at.sql', '\x0a19d726949e22ebab26adb92403fa370211f9d482313f1d41d1c890b47b07b1'),
    ('functions/get_performance_metrics.sql', '\x3ea3e71f2abdcc90f57552aa3385b50d3462a9fa6e412dae30a207e9d8ebad75'),
    ('functions/execution_history_at.sql', '\x21e9e1a0461849cacef49ccaed1dca75caded2fbf74e921d7e2ef9825e67dae6'),
    ('functions/get_execution_history.sql', '\x844a29bd165fbd5453d23dff0b0e9ac0067ae71104d4c7f1de7b27d938baf0c0'),
    ('functions/recent_errors_at.sql', '\x058fae0c1179a76ddd54bb395a501c0518007ef1e30f2df790cb9fd10c197a40'),
    ('functions/get_recent_errors.sql', '\x873031d1703fefa36fa392e2cb3d2cdabdbbe36c9e261134e8aabdffc90af3ca'),
    ('functions/find_faults.sql', '\x941985d4b1be6446075ed0bed28131b48fdc9430d255637509e75d09d0603df0'),
    ('functions/verify.sql', '\x9afc93a77672513785445ee5856975f7d2497989f43061e036101bb5b1be1f2c'),
    ('functions/integrity_health.sql', '\x0adabe47ce9f5093f65805178974345bb17bad67d6fd6fcc5bda7ae0cb3cc64b'),
    ('functions/system_health_at.sql', '\x865fe58c6597bfdc77651d4c5ae355fbf4c397dd9dd37b3c7eb38e6c5ed54c6c'),
    ('functions/get_system_health.sql', '\xed89e6ea4cb2d031b24dc2a59857bb6ba40109b78198fa7791a3529d27710125'),
    ('functions/remove_operations.sql', '\x13dd922cac8a9b8a65f36ed4fdfc75968ec33cc086a7b6979d20b084275e2551'),
    ('functions/cleanup_batch.sql', '\x9f9971576b6872cf24415215931913244d595048dd59634e9c001395e804ee19'),
    ('functions/cleanup_capture.sql', '\xdb5dce116ffc00dc384914fabd4276c5c6169ad4fd59207b934d7f715b7a9a5f'),
    ('functions/cleanup_old_data.sql', '\x26c3a60e429a963ce5fccc1a8be67d5cc503ac75664fe4dc09489e2aa311e466'),
    ('functions/cleanup_step.sql', '\x101e5cc3edfb2d27c1fbd764bc773a749a2b740a5c3203bc7eb13f43e8f09657'),
    ('functions/cleanup_old_data_batched.sql', '\x265d29e09f38b2b6eb002f87db77c58d8c1ef33c3eb4d8d516e91be7879e6c08'),
    ('views/current_executions.sql', '\xf5f3540c76982c83f840cc132a3a5f054fb1cb3d652bbcaf946d031b8ccfa0d0'),
    ('views/running_operations.sql', '\xe5d766f3a61a45342c3291c68616580e6e429cadf84a29547a0a856f37cbfd9a'),
    ('functions/utc_text.sql', '\x9df5fe378d8448b9d046a453e32ad9c60143537a07091699a362a4bb766ce6fa'),
    ('functions/error_response.sql', '\xb309156acf38040a5c09d26eb66ea35d6c27bb2a6bac8182218cd1d79924ec6b'),
    ('functions/success_response.sql', '\xc7a6ef650a28f09852310e3ac665a23f6c5bd66e7d78ae5a5f95fd8a6127b3ce'),
    ('functions/hash_texts.sql', '\x80681cf3c605f56510d1c1c2fe0d2ec5ab77cacbb4e9823d50a9f4889471b541'),
    ('functions/user_business_key.sql', '\x79c1e3f7bbe32250e581f37b4a3329dfd3e7238c2bf3c863404a00fb1088b7d9'),
    ('functions/calculate_user_key.sql', '\x8915a02d806a4a6d05cf4149fdc22d6e52faa304a59dad07ed7f7d849c2ad477'),
    ('functions/pgcrypto_schema.sql', '\x6c5a4504caa9bac23d0d65cbd493d6f54790da9602a0f7c2bf175fba56c737a8'),
    ('functions/bcrypt.sql', '\x27ea881a3ba1854dc1cfa932512d31a18f8658106d64eae469641b9f14e2e402'),
    ('functions/bcrypt_dummy.sql', '\xfb565eef8ced272ec2a6d5420d1b6896e59611d39b54ccc972235375381918fb'),
    ('functions/check_password.sql', '\x359d835238e2e87d0708ecf89826bcb9cbd6b0ae824fe570ce155cbec8af278d'),
    ('functions/check_password_length.sql', '\x00f315811cd39e801fd75540fd9b565ab360b1f80187afb100318f579e88dfaf'),
    ('functions/check_new_password.sql', '\x8707a19427413997f78cadc77134505bcb0400d69819022e01cf4760cc4e65ca'),
    ('functions/check_email.sql', '\x80577a5f9f2468eaa9cd8e9d3376fc0cd904fa02b27ae180ae0927c4a2897a03'),
    ('functions/check_login.sql', '\xa1e1c0719f2e50a08d2ff2c3ffdbb384b8cc3f2990a9188f3a78b107c43fb56f'),
    ('functions/check_user_data.sql', '\x6fbc5d2f605743969369031ce243b9adfff9907ecfaa5f35456f7b80cb6d34af'),
    ('functions/choose_tenant.sql', '\x1cf1ff24263a61a8ff9c582c9ce461f679513c840d5bcbf55496980796360b38'),
    ('functions/record_authentication.sql', '\x7d4398bd14f3c130c1b71721d8d599b800376546f0d3deef1b63fc3d9ecac712'),
    ('functions/register_tenant.sql', '\x91092e74b5053460c70b16d874cc29732ff07761be526885ab1f793f20d66eed'),
    ('functions/write_credential.sql', '\x2482428d8a52cef4959f4459dcd3e3a4eca3675fc59a1f32472d0d233074da62'),
    ('functions/add_user.sql', '\xbdd0adac2fe44354449c39d0d3d1cf408f3512173ac4558d68574b3d1fc70957'),
    ('functions/register_user.sql', '\xc460645fd6b60e69523c594b7535a842d0f7da4eda36c94e2b99489604b59d5f'),
    ('functions/open_session.sql', '\xc5f7a78f352debd86af11a4081e5e1fa77c8fa2b5d38e4659ffa42f2ceac12ca'),
    ('functions/attempt_login.sql', '\xc5914abebdbcc9081246cbabec1f01669f3d96f197a4e2dcac31852a83095d56'),
    ('functions/login_user.sql', '\x9a8ea63ea7a5da4f311c34e917f8c6b56c7f777104ccad2e2848bde46bf063e7'),
    ('functions/site_function.sql', '\x461eeec291ee40b97c973fff6439adc15dd05a767e5a8ac6c1021a34de672adb'),
    ('functions/wrap_site_function.sql', '\x4fe26f9cd029da24ead4dcff7b9187ef97343a40f8d2b2b950d4cd5d9c5c8cb9'),
    ('functions/login_user_tracking.sql', '\x5ea19e17f2fd63c04cd1ffbdefaa64eb563ade809cdcc9344e87a28519b0cfbf'),
    ('functions/register_user_tracking.sql', '\x7310cc5530bc9d78ae59d2f85333442af8edf48adfb91ca13f31fe725dd63fd5'),
    ('functions/validate_session_tracking.sql', '\x78b233e632e20f11e3ddd74d775dec5f31d9729818cc63d2216d3b12bd573b8a'),
    ('functions/revoke_session_tracking.sql', '\xf82547517c8807693d854d5fe3ce4724651e74e9cc98dd8386d5a8a1fc022f39'),
    ('functions/cleanup_old_logins.sql', '\x067d4652d16d44d64de82cf5a223e0d929554cde4b142b68e58e831ffc465ce4'),
    ('tables/ddl_running.sql', '\xa91088f3016210b70e0c45edd17268c0df795477f00f58e077f5dc63376c5b22'),
    ('tables/capture_rule.sql', '\x873b3d708afeab185c40a11aee9be1daf36e3c85198cfd8e330c1b231322962a'),
    ('tables/capture_failure.sql', '\x04d3895227c8801580487279e4263c0674abefd28dc4d0bbc77a9c63ce0c5be3'),
    ('tables/capture_switch_off.sql', '\xf7134044215ec923c46b9e00a72fb3c30696152684faedee7101488fa9202bd0'),
    ('tables/expected_event_trigger.sql', '\x06f636b301a842d04e8c30f901ac5ec66c53c85272e4c3fea7e287a351d6284d'),
    ('policies/ddl_running.sql', '\x79219920351e8435e7d70a1e2c138102864d4e0e7a5285fc145594cd0dc32a56'),
    ('policies/capture_rule.sql', '\xc5894f397a58db4a529fa53197821b427e33bc6f0c9b389153563146f22dbbda'),
    ('policies/capture_failure.sql', '\xf2b996db2894ac624f71f302f8c3eaeb75761946a6cdc7d82487ba4fc7eec1d6'),
    ('policies/capture_switch_off.sql', '\x8b3743a6f6eacc4c497ae1ebe9c1418ce3fa4453c3544ac3e13aaeacc4e2e1c4'),
    ('policies/expected_event_trigger.sql', '\x4961536291537607da77150892642599f332e0d722fb573a70e3be7084f077a7'),
    ('triggers/capture_rule_record_change.sql', '\xba6641a1a9c18e1b3a5a40ee014575efda02186dbd97d677b72b5a846c49936e'),
    ('tables/capture_rule_rows.sql', '\x661b7138daa33bb62c15a7c639f74dd0706b27c1cb264f4bde2add040406a373'),
    ('functions/set_capture.sql', '\x05f1f41765a9d6baef6e3ee4e8faa63165888dab33505738d660b0f1bc89dcce'),
    ('functions/capture_is_off.sql', '\xc98620b411c93411068acfd84aa9507804ca10c747705c6d2adca7a2c94f9647'),
    ('functions/redact_sql.sql', '\xe901a793d9c4d84424abf36fb6d99ff05f89c72a06b2a54a704e01bce4f6dbe7'),
    ('functions/fail_interrupted_ddl.sql', '\x520ef6d167cf76c3e3f07b08699670fb0a8e427995d1f3333502d186c15b9e64'),
    ('functions/event_trigger_failed.sql', '\x50541999d852dd3ed37db66582fa9b9b2c036cebab840eef9a0ba0ce53616005'),
    ('functions/event_trigger_start_concurrent.sql', '\x95463e858d779ca5af7b2a1043efdd45006ba7f2eaaf574f3bf0795b05ec250e'),
    ('functions/event_trigger_end_concurrent.sql', '\x5176b467290cdb79c61a260fab397d096c68cf154b196b3b59ec2e79d0b49d24'),
    ('functions/event_trigger_ddl_start.sql', '\x1df99d67d5f3b0e4f9e89288b66413c99fe09ce34d963c3f17b2f70fa07e39fb'),
    ('functions/event_trigger_sql_drop.sql', '\x7b01d8cc4e68860dd4781df50ec8368925a583f915b4ec3d7cd2b014281b99ec'),
    ('functions/event_trigger_ddl_end.sql', '\x5397fef106e43e2e571d9f5939de2cf71c1cdb9b400694cf9d222cb753359676'),
    ('functions/note_event_trigger.sql', '\xc0b4a61b98d5ccd2cb3320d55f2199e80c404af837ae3ac260aeb708885fcd02'),
    ('functions/put_event_trigger.sql', '\x561eff5d45ee0546e3fd879ad75dd45290a424d34ca9e03150d2d26659866523'),
    ('functions/capture_health.sql', '\xc7114acfe16eb503a81d11cebeaf9ce8a71f4c64e41ad118e518adf2766d698e'),
    ('functions/log_health.sql', '\xadc2a18c11ea44a1a8056dc739a1d034407f2e2daf7fc0ea978775a8d9a04c2f'),
    ('functions/store_health.sql', '\x327fe967a08f91bb01d420729f83b1880b3941c034fab851914b9837734d5dbd'),
    ('functions/check_migration.sql', '\xc4fc12c7324f06400fda541efd966de0c492b5d01e266131bbaf388aee6668f7'),
    ('functions/migration_checksum.sql', '\xd3e37e53abd671106945b50128e8515fcce463822af65bcebdfd41bd1fa92084'),
    ('functions/fit_objects.sql', '\x2bbb9502203625e0ca090384eac1079d1efef1e4fec474fdeed39c30f08b607d'),
    ('functions/migrated_objects.sql', '\x3aa447044b4d5ddee1de36fad69080f9af135eead900a96b7f3b174497cce623'),
    ('functions/mask_message.sql', '\x8576c0fa6da8bc50114aa5c1682abecab63252d7fad9aa142da9a3f0426a8f46'),
    ('functions/migration_hint.sql', '\x5a040dd428f4e657d54d6a974e6f7117454853712b76ee905496f45776a55d1e'),
    ('functions/record_migration.sql', '\x07a134be0771c603a5722d802b61deb45738496a84fc1d8656becf8cab7f29d7'),
    ('functions/migration_key.sql', '\x6edde0cce902718eea532e24031d03232e02bb5645aa85af1f7fc5270164b315'),
    ('functions/last_migration.sql', '\x666c21661c8a5f11f239fa86c39027ead0b33eff9c40b604ac3964726fd45499'),
    ('functions/check_no_runner.sql', '\x4c247c548eec9529e0f59587c1fe889d69d491e96a82cb19f331e562c8130fde'),
    ('functions/start_migration.sql', '\xf9b71dea21198948184f1f6301bc431366198a0fbb4dbdc3d22ae47726be6880'),
    ('functions/finish_migration.sql', '\xcc4178bdcb1d37ca5a2f5977e95ee87a0c01d59f5e45e3814790a327b6db45dd'),
    ('functions/run_migration.sql', '\xeeea67ad85e260b589eb096c85666899c87b79027d54043c3e0703e33ed2b642'),
    ('functions/run_migration_enterprise.sql', '\xf4b6d6a04e2e542a5f5d37fcec9013470662f01e5bf8d0f7a2a412f56fc956a0'),
    ('views/user_document.sql', '\x3ab7105212de9cc48d2275bd241408eccc4525d109a9aa4e44637a11474c9579'),
    ('types/store_row.sql', '\x74ec034ac1532aa54caaf84290eb2ffdc9be78263fc89703017fdba116b32da4'),
    ('views/store_version.sql', '\x3f15dcf48ad61d4abdaaf404417c745fd6a878702f7e93d4e4d5491361819293'),
    ('functions/store_scope.sql', '\xcf48c3e04c13e57928e3b8097aeba0e3db095d074ae39c25c34a9e237872b4f6'),
    ('functions/store_tenants.sql', '\x088c610c05cb40be437f6b6e0d05beb7481187bb15226da042c3b15288b29cfb'),
    ('functions/store_open.sql', '\x9f311d0cfeacd240c95b31aa0a63a5e46bddb6d3263a978d9de902b2ec80f645'),
    ('functions/store_get.sql', '\xbad25bd4fde88411e9153144992b2424a21a5417aca3a4b0e21108e10e3a8e50'),
    ('functions/store_versions.sql', '\x7fcde1fdc96331b21f4850fbcacb194f7590858f0a764632a4b3f6a5538c0c7c'),
    ('functions/store_operations.sql', '\xd1eac299badccd5b42b7b83dcb05e7714be11a1731da3382de210e9fc5d3e58d'),
    ('functions/store_history.sql', '\xdaa0bb21e4a330bed43407f4d18e59bbde005dccb69c894c7b4d02ded71a429a'),
    ('functions/store_log.sql', '\xc3d6a0d836c89563c2a11e40a85ff5ecb5e229f71803c6eba96a8d5fd1eabc66'),
    ('functions/store_held_back.sql', '\x1a32ac97600ed6156336f2c26ef13008919e000935960bb0ca81c3d0dd0524a5'),
    ('functions/store_last.sql', '\xc518d717b1031216be4c9c2bc5b4c61a9130b41b714c62eaf7446959a1a5afb2'),
    ('functions/check_credential_rights.sql', '\x7dc9dbb99e80850ac9c602a12ccd88605814b34224d5262f40836bfbd042cfbd'),
    ('functions/store_user_documents.sql', '\x330f3b1a0c48795808f57f483878eed15bae8d5e32cd9630950f73b05f37cb41'),
    ('functions/store_documents.sql', '\xbd0c195fd49b9770adec5219d0b75e3b768b3a99318ddb78a6e53459d335e99f'),
    ('functions/store_activity.sql', '\xa94af640556fc8d5769fe145a38589c9ff1544ee5a14dee17ac0a3aee2c87a44'),
    ('functions/store_size.sql', '\x70a9cac6e7a97612287c414b8324221c3873dacc616db6dd300d868a2bebc386'),
    ('functions/store_checks.sql', '\x43bf8e29568f713ba75ab897301db7ad8d199a6e1f8173606c5ce0a84fbd5b09'),
    ('functions/store_as_of.sql', '\xa2bd970ce971035f56d3237fbce3aa95267531023708a34e380e9698dcd3b7e0'),
    ('functions/store_check.sql', '\x45650218e32094ce17eea3b0353ae0a7c5049c3653215df1f3af893cd8dbe868'),
    ('functions/store_check_unit.sql', '\xd14ee95312f215cfd54da9c4b816e9d30a3ca70069f1db878772250fb05b1741'),
    ('functions/store_judge.sql', '\x1e412ad8bba532c03c46c12074adfcdb9f341a2b346dd62d053d6f4a0f9358e4'),
    ('functions/store_commit.sql', '\xbab75aced07108a9b0d5e0f91d2d088100b87bdc409fe4cb8419128ca7ad15f4'),
    ('functions/store_commit_one.sql', '\xed5cc7a3e810deacc09abb10f7ae31d7d4e8e8dff9d65262b5217132bdb1564e'),
    ('functions/store_judge_put.sql', '\x1aad2814a4f26e9feb2009c2882d7c4ea0e1b93ace3ee30166377ef351a64794'),
    ('functions/check_user_document.sql', '\xcf76b22ea74e790a3b4ae4819a6f18d522bc9f4950086a66dc5d2ea371593c69'),
    ('functions/write_user_document.sql', '\x8b584eb1b22bc97de56441c211bdbf7ae9e17043aef962e48e5ec3b0ecc30de3'),
    ('functions/store_user_put.sql', '\xfb2cc19a2b6cb75e5fb82ea78247f9a458e24422508425bbb35cc1ac30a24d7b'),
    ('functions/store_put.sql', '\x37e9fe62f7de52df7c7136207e2fe41e5e0c1fe8f0ec08136da5074062bbb695'),
    ('functions/store_remove.sql', '\x370e95e252b3e6d2ce37065857eb360f8f371469dcb0bfe4f560fbf8ddee5795'),
    ('functions/store_purge.sql', '\xb9b8d78fcaa666b0babb6a17cb92655322dd9bd5123641a1a500750bf923610b'),
    ('privileges/become_installer.sql', '\x5af84ded1a1f3ca2b8835de1f305a78338602af67f50fd900225758035977777'),
    ('event_triggers/et_ddl_command_start.sql', '\x3ea655fafe156822a2700bc86a5415f7eb29a59c7589edb41ca3279d0e672a00'),
    ('event_triggers/et_ddl_command_end.sql', '\x5485d750bd83439e8ca829328efb3f5973b1d1b59cf18666ce9a1d50e88d8f39'),
    ('event_triggers/et_sql_drop.sql', '\x1e3ac3674407c4d55a43c0903e2eab786ef0f3c0f0fab4a253d3ba88b412f71f'),
    ('privileges/finish.sql', '\x4dd573696d7027761731f481a2e2e476d94d7f8afff782d4791ad7e649f1ebbd')
ON CONFLICT (file) DO UPDATE SET checksum = excluded.checksum, installed_at = excluded.installed_at
    WHERE f.checksum <> excluded.checksum;
DELETE FROM script_tracking.installed_file WHERE file NOT IN (
    'privileges/prepare.sql',
    'privileges/roles.sql',
    'privileges/pgcrypto.sql',
    'privileges/schemas.sql',
    'privileges/pgcrypto_usage.sql',
    'privileges/become_owner.sql',
    'functions/allow.sql',
    'functions/allow_table.sql',
    'functions/put_policy.sql',
    'functions/put_tenant_policy.sql',
    'functions/put_writer_policy.sql',
    'functions/session_is_admin.sql',
    'functions/chosen_tenant.sql',
    'functions/session_tenant.sql',
    'functions/current_load_date.sql',
    'functions/hash_binary.sql',
    'tables/schema_version.sql',
    'tables/installed_file.sql',
    'tables/made_object.sql',
    'tables/login_binding.sql',
    'tables/setting.sql',
    'tables/setting_change.sql',
    'tables/version_sequence.sql',
    'tables/script_execution_h.sql',
    'tables/script_execution_s.sql',
    'tables/operation_count.sql',
    'tables/idempotency_key.sql',
    'tables/verification.sql',
    'tables/audit_event.sql',
    'tables/tenant_h.sql',
    'tables/tenant_s.sql',
    'tables/user_h.sql',
    'tables/user_s.sql',
    'tables/credential_s.sql',
    'tables/session_h.sql',
    'tables/session_s.sql',
    'tables/login_attempt.sql',
    'tables/migration.sql',
    'tables/log_epoch.sql',
    'tables/document_s.sql',
    'policies/schema_version.sql',
    'policies/installed_file.sql',
    'policies/login_binding.sql',
    'policies/setting.sql',
    'policies/setting_change.sql',
    'policies/script_execution_h.sql',
    'policies/script_execution_s.sql',
    'policies/operation_count.sql',
    'policies/idempotency_key.sql',
    'policies/verification.sql',
    'policies/tenant_h.sql',
    'policies/tenant_s.sql',
    'policies/user_h.sql',
    'policies/user_s.sql',
    'policies/credential_s.sql',
    'policies/session_h.sql',
    'policies/session_s.sql',
    'policies/login_attempt.sql',
    'policies/migration.sql',
    'policies/log_epoch.sql',
    'policies/document_s.sql',
    'migrations/001_first.sql',
    'functions/record_setting_change.sql',
    'triggers/setting_record_change.sql',
    'triggers/login_binding_record_change.sql',
    'tables/setting_rows.sql',
    'functions/get_setting.sql',
    'functions/set_setting.sql',
    'functions/bind_login.sql',
    'functions/trust_login.sql',
    'functions/unbind_login.sql',
    'functions/calculate_hash_key.sql',
    'functions/hash_attributes.sql',
    'functions/calculate_hash_diff.sql',
    'functions/business_key.sql',
    'functions/generate_unique_script_name.sql',
    'functions/milliseconds.sql',
    'functions/check_name.sql',
    'functions/check_text.sql',
    'functions/check_objects.sql',
    'functions/check_metadata.sql',
    'functions/add_objects.sql',
    'functions/count_since.sql',
    'functions/lock_operation_count.sql',
    'functions/fold_operation_count.sql',
    'functions/log_audit_event.sql',
    'functions/report_completion.sql',
    'functions/write_start.sql',
    'functions/write_next.sql',
    'functions/write_finished.sql',
    'functions/claim_key.sql',
    'functions/track_operation.sql',
    'functions/start_operation.sql',
    'functions/complete_operation.sql',
    'functions/annotate_operation.sql',
    'functions/record_operation.sql',
    'functions/check_place_count.sql',
    'functions/record_operations.sql',
    'types/tally.sql',
    'functions/window_start.sql',
    'functions/visible_tenants.sql',
    'functions/sees_system.sql',
    'functions/each_tenant.sql',
    'functions/seen_rows.sql',
    'functions/hundredths.sql',
    'functions/rate_success.sql',
    'functions/rate_duration.sql',
    'functions/rate_performance.sql',
    'functions/seven_bits.sql',
    'functions/direction.sql',
    'functions/tallies.sql',
    'functions/count_operations_of.sql',
    'functions/count_operations.sql',
    'functions/count_running.sql',
    'functions/storage_size.sql',
    'functions/health_score.sql',
    'functions/enterprise_dashboard_at.sql',
    'functions/get_enterprise_dashboard.sql',
    'functions/performance_metrics_at.sql',
    'functions/get_performance_metrics.sql',
    'functions/execution_history_at.sql',
    'functions/get_execution_history.sql',
    'functions/recent_errors_at.sql',
    'functions/get_recent_errors.sql',
    'functions/find_faults.sql',
    'functions/verify.sql',
    'functions/integrity_health.sql',
    'functions/system_health_at.sql',
    'functions/get_system_health.sql',
    'functions/remove_operations.sql',
    'functions/cleanup_batch.sql',
    'functions/cleanup_capture.sql',
    'functions/cleanup_old_data.sql',
    'functions/cleanup_step.sql',
    'functions/cleanup_old_data_batched.sql',
    'views/current_executions.sql',
    'views/running_operations.sql',
    'functions/utc_text.sql',
    'functions/error_response.sql',
    'functions/success_response.sql',
    'functions/hash_texts.sql',
    'functions/user_business_key.sql',
    'functions/calculate_user_key.sql',
    'functions/pgcrypto_schema.sql',
    'functions/bcrypt.sql',
    'functions/bcrypt_dummy.sql',
    'functions/check_password.sql',
    'functions/check_password_length.sql',
    'functions/check_new_password.sql',
    'functions/check_email.sql',
    'functions/check_login.sql',
    'functions/check_user_data.sql',
    'functions/choose_tenant.sql',
    'functions/record_authentication.sql',
    'functions/register_tenant.sql',
    'functions/write_credential.sql',
    'functions/add_user.sql',
    'functions/register_user.sql',
    'functions/open_session.sql',
    'functions/attempt_login.sql',
    'functions/login_user.sql',
    'functions/site_function.sql',
    'functions/wrap_site_function.sql',
    'functions/login_user_tracking.sql',
    'functions/register_user_tracking.sql',
    'functions/validate_session_tracking.sql',
    'functions/revoke_session_tracking.sql',
    'functions/cleanup_old_logins.sql',
    'tables/ddl_running.sql',
    'tables/capture_rule.sql',
    'tables/capture_failure.sql',
    'tables/capture_switch_off.sql',
    'tables/expected_event_trigger.sql',
    'policies/ddl_running.sql',
    'policies/capture_rule.sql',
    'policies/capture_failure.sql',
    'policies/capture_switch_off.sql',
    'policies/expected_event_trigger.sql',
    'triggers/capture_rule_record_change.sql',
    'tables/capture_rule_rows.sql',
    'functions/set_capture.sql',
    'functions/capture_is_off.sql',
    'functions/redact_sql.sql',
    'functions/fail_interrupted_ddl.sql',
    'functions/event_trigger_failed.sql',
    'functions/event_trigger_start_concurrent.sql',
    'functions/event_trigger_end_concurrent.sql',
    'functions/event_trigger_ddl_start.sql',
    'functions/event_trigger_sql_drop.sql',
    'functions/event_trigger_ddl_end.sql',
    'functions/note_event_trigger.sql',
    'functions/put_event_trigger.sql',
    'functions/capture_health.sql',
    'functions/log_health.sql',
    'functions/store_health.sql',
    'functions/check_migration.sql',
    'functions/migration_checksum.sql',
    'functions/fit_objects.sql',
    'functions/migrated_objects.sql',
    'functions/mask_message.sql',
    'functions/migration_hint.sql',
    'functions/record_migration.sql',
    'functions/migration_key.sql',
    'functions/last_migration.sql',
    'functions/check_no_runner.sql',
    'functions/start_migration.sql',
    'functions/finish_migration.sql',
    'functions/run_migration.sql',
    'functions/run_migration_enterprise.sql',
    'views/user_document.sql',
    'types/store_row.sql',
    'views/store_version.sql',
    'functions/store_scope.sql',
    'functions/store_tenants.sql',
    'functions/store_open.sql',
    'functions/store_get.sql',
    'functions/store_versions.sql',
    'functions/store_operations.sql',
    'functions/store_history.sql',
    'functions/store_log.sql',
    'functions/store_held_back.sql',
    'functions/store_last.sql',
    'functions/check_credential_rights.sql',
    'functions/store_user_documents.sql',
    'functions/store_documents.sql',
    'functions/store_activity.sql',
    'functions/store_size.sql',
    'functions/store_checks.sql',
    'functions/store_as_of.sql',
    'functions/store_check.sql',
    'functions/store_check_unit.sql',
    'functions/store_judge.sql',
    'functions/store_commit.sql',
    'functions/store_commit_one.sql',
    'functions/store_judge_put.sql',
    'functions/check_user_document.sql',
    'functions/write_user_document.sql',
    'functions/store_user_put.sql',
    'functions/store_put.sql',
    'functions/store_remove.sql',
    'functions/store_purge.sql',
    'privileges/become_installer.sql',
    'event_triggers/et_ddl_command_start.sql',
    'event_triggers/et_ddl_command_end.sql',
    'event_triggers/et_sql_drop.sql',
    'privileges/finish.sql');
-- What follows may need more rights than the owner has.
DO $$
BEGIN
    PERFORM set_config('role', current_setting('script_tracking.installer'), true);
END
$$;
CALL script_tracking.put_event_trigger('et_ddl_command_start', 'ddl_command_start', 'script_tracking.event_trigger_ddl_start');
CALL script_tracking.put_event_trigger('et_ddl_command_end', 'ddl_command_end', 'script_tracking.event_trigger_ddl_end');
CALL script_tracking.put_event_trigger('et_sql_drop', 'sql_drop', 'script_tracking.event_trigger_sql_drop');
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
COMMIT;
