//! install.sql by users who may not do everything, at sites that have functions of their own; uninstall, dump and restore.

use opledger_testkit_postgres::Server;

use crate::support::{dump, installed, psql, restore, rows, run, server, value};

const PAIR: &str = "SELECT script_tracking.complete_operation(script_tracking.track_operation('x'))";

/// Without superuser and CREATEROLE, with roles made beforehand: all but the event triggers.
#[test]
fn an_owner_of_the_database_with_roles_made_beforehand() {
    let server = Server::start().unwrap();
    let database = server.create_database().unwrap();
    let mut superuser = database.connect().unwrap();
    run(&mut superuser, &format!("CREATE ROLE script_tracking_owner; CREATE ROLE script_tracking_reader;
        CREATE ROLE script_tracking_writer IN ROLE script_tracking_reader; CREATE ROLE script_tracking_admin IN ROLE script_tracking_writer;
        CREATE ROLE dba LOGIN IN ROLE script_tracking_owner, script_tracking_admin; CREATE ROLE app LOGIN IN ROLE script_tracking_writer;
        ALTER DATABASE {} OWNER TO dba; CREATE EXTENSION pgcrypto", database.name()));
    let said = psql(&database, "dba", "install.sql").unwrap();
    assert!(
        said.contains("event trigger et_ddl_command_start is missing")
            && said.contains("Let a superuser install again"),
        "{said}"
    );
    assert!(!said.contains("role"), "{said}");
    let mut app = database.connect_as("app").unwrap();
    assert_eq!(value(&mut app, PAIR), "t");
    let health =
        "SELECT current_status FROM script_tracking.get_system_health() WHERE health_metric = 'event_triggers'";
    assert_eq!(value(&mut app, health), "WARNING");
    // A superuser adds what was missing; the owner stays the same.
    assert_eq!(psql(&database, "postgres", "install.sql").unwrap(), "");
    assert_eq!(value(&mut app, health), "EXCELLENT");
    assert_eq!(
        value(
            &mut superuser,
            "SELECT count(DISTINCT proowner) FROM pg_proc WHERE pronamespace = 'script_tracking'::regnamespace"
        ),
        "1"
    );
    psql(&database, "postgres", "uninstall.sql").unwrap();
}

/// Without roles, too: everything belongs to the installer, who is told so and alone can use it.
#[test]
fn an_owner_of_the_database_without_roles() {
    let server = Server::start().unwrap();
    let database = server.create_database().unwrap();
    let mut superuser = database.connect().unwrap();
    run(
        &mut superuser,
        &format!("CREATE ROLE dba LOGIN; CREATE ROLE app LOGIN; ALTER DATABASE {} OWNER TO dba", database.name()),
    );
    let said = psql(&database, "dba", "install.sql").unwrap();
    assert!(said.contains("roles missing: script_tracking_owner, script_tracking_reader"), "{said}");
    let mut dba = database.connect_as("dba").unwrap();
    assert_eq!(value(&mut dba, PAIR), "t");
    run(&mut dba, "SELECT * FROM script_tracking.get_enterprise_dashboard()");
    let mut app = database.connect_as("app").unwrap();
    assert!(app.simple_query(PAIR).is_err());
    assert!(psql(&database, "dba", "install.sql").unwrap().contains("roles missing"));
    assert_eq!(value(&mut dba, PAIR), "t");
    psql(&database, "dba", "uninstall.sql").unwrap();
    assert_eq!(
        value(&mut superuser, "SELECT count(*) FROM pg_namespace WHERE nspname IN ('script_tracking', 'auth', 'util')"),
        "0"
    );
}

/// Someone who may create roles, but is no superuser.
#[test]
fn a_creator_of_roles() {
    let server = Server::start().unwrap();
    let database = server.create_database().unwrap();
    let mut superuser = database.connect().unwrap();
    run(&mut superuser, &format!("CREATE ROLE dba LOGIN CREATEROLE; ALTER DATABASE {} OWNER TO dba", database.name()));
    let said = psql(&database, "dba", "install.sql").unwrap();
    assert!(!said.contains("role") && said.contains("event trigger"), "{said}");
    let owner = "SELECT DISTINCT relowner::regrole FROM pg_class WHERE relnamespace = 'script_tracking'::regnamespace";
    assert_eq!(rows(&mut superuser, owner), [["script_tracking_owner"]]);
}

#[test]
fn a_site_keeps_its_own_functions() {
    let database = server().create_database().unwrap();
    installed();
    let mut superuser = database.connect().unwrap();
    run(&mut superuser, "CREATE SCHEMA util; CREATE SCHEMA crypto; CREATE EXTENSION pgcrypto SCHEMA crypto;
        CREATE FUNCTION util.current_load_date() RETURNS timestamptz LANGUAGE sql AS $$SELECT '2001-01-01'::timestamptz$$;
        CREATE FUNCTION util.hash_binary(text) RETURNS bytea LANGUAGE sql AS $$SELECT 'x'::bytea$$;
        CREATE TABLE util.heard (what text);
        CREATE FUNCTION util.log_audit_event(text, text, text, text, jsonb) RETURNS void LANGUAGE sql SECURITY DEFINER AS
            $$INSERT INTO util.heard VALUES ($1 || ' by ' || $4)$$");
    let theirs = "SELECT oid, prosrc, proowner, proacl, obj_description(oid, 'pg_proc') FROM pg_proc
        WHERE pronamespace IN ('util'::regnamespace, 'crypto'::regnamespace) ORDER BY oid";
    let before = rows(&mut superuser, theirs);
    assert_eq!(psql(&database, "postgres", "install.sql").unwrap(), "");
    assert_eq!(rows(&mut superuser, theirs), before);
    assert_eq!(value(&mut superuser, "SELECT to_regclass('util.audit_event')"), "NULL");
    run(&mut superuser, "SELECT script_tracking.set_setting('audit_log', 'on')");
    let mut writer = database.connect_as("writer").unwrap();
    assert_eq!(value(&mut writer, PAIR), "t");
    assert_eq!(rows(&mut superuser, "SELECT * FROM util.heard"), [["OPERATION_COMPLETED by writer"]]);
    assert_eq!(
        value(&mut writer, "SELECT bool_and(load_date > '2020-01-01') FROM script_tracking.script_execution_s"),
        "t"
    );
    psql(&database, "postgres", "uninstall.sql").unwrap();
    assert_eq!(rows(&mut superuser, theirs), before);
}

/// All of the catalogue that an install could touch.
const CATALOGUE: &str = "
    SELECT 'schema', nspname, coalesce(nspacl, acldefault('n', nspowner))::text, nspowner::text FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp'
    UNION ALL SELECT 'relation', oid::regclass::text, relacl::text, relowner::text FROM pg_class WHERE relname !~ '^pg_toast_'
    UNION ALL SELECT 'routine', oid::regprocedure::text, proacl::text, proowner::text FROM pg_proc
    UNION ALL SELECT 'type', oid::regtype::text, typacl::text, typowner::text FROM pg_type WHERE typnamespace <> 'pg_toast'::regnamespace
    UNION ALL SELECT 'extension', extname, NULL, extowner::text FROM pg_extension
    UNION ALL SELECT 'event trigger', evtname, NULL, NULL FROM pg_event_trigger
    UNION ALL SELECT 'default right', defaclacl::text, NULL, NULL FROM pg_default_acl
    UNION ALL SELECT 'database setting', setconfig::text, NULL, NULL FROM pg_db_role_setting ORDER BY 1, 2";

#[test]
fn uninstall_leaves_the_database_as_it_was() {
    installed();
    for site in [
        "",
        "CREATE SCHEMA auth; CREATE TABLE auth.users (id int); CREATE EXTENSION pgcrypto; CREATE VIEW mine AS SELECT 1",
    ] {
        let database = server().create_database().unwrap();
        let mut superuser = database.connect().unwrap();
        run(&mut superuser, site);
        let before = rows(&mut superuser, CATALOGUE);
        psql(&database, "postgres", "install.sql").unwrap();
        assert_ne!(rows(&mut superuser, CATALOGUE), before);
        run(&mut database.connect_as("writer").unwrap(), PAIR);
        assert_eq!(psql(&database, "postgres", "uninstall.sql").unwrap(), "");
        assert_eq!(rows(&mut superuser, CATALOGUE), before);
        assert!(psql(&database, "postgres", "uninstall.sql").unwrap_err().contains("Opledger is not installed"));
        // And back.
        superuser.batch_execute(&opledger_sql::install_script()).unwrap();
        superuser.batch_execute(&opledger_sql::uninstall_script()).unwrap();
        assert_eq!(rows(&mut superuser, CATALOGUE), before);
    }
}

#[test]
fn uninstall_stops_at_what_a_site_built_on_it() {
    let database = installed();
    let mut superuser = database.connect().unwrap();
    run(
        &mut superuser,
        "CREATE VIEW report AS SELECT * FROM script_tracking.current_executions; CREATE FUNCTION auth.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    );
    let said = psql(&database, "postgres", "uninstall.sql").unwrap_err();
    assert!(said.contains("view public.report depends on"), "{said}");
    assert_eq!(value(&mut superuser, PAIR), "t");
    run(&mut superuser, "DROP VIEW report");
    let said = psql(&database, "postgres", "uninstall.sql").unwrap();
    assert!(said.contains("schema auth stays"), "{said}");
    assert_eq!(value(&mut superuser, "SELECT auth.mine()"), "1");
}

/// What the README says of backups: a role with BYPASSRLS dumps all rows, a FORCEd owner can't.
#[test]
fn a_dump_restores() {
    let database = installed();
    let mut superuser = database.connect().unwrap();
    run(&mut superuser, "CREATE ROLE backup LOGIN BYPASSRLS IN ROLE pg_read_all_data");
    for login in ["acme", "writer"] {
        let mut client = database.connect_as(login).unwrap();
        run(
            &mut client,
            "SELECT script_tracking.track_operation('runs'), script_tracking.record_operation('done', p_metadata => '{\"a\": 1.50}')",
        );
    }
    assert!(dump(&database, "acme").is_err(), "row security must stop a dump, not thin it");
    let restored = server().create_database().unwrap();
    restore(&restored, &dump(&database, "backup").unwrap());
    let mut other = restored.connect().unwrap();
    for table in
        ["script_execution_h", "script_execution_s", "login_binding", "setting", "installed_file", "schema_version"]
    {
        let content = format!("SELECT t::text FROM script_tracking.{table} t ORDER BY 1");
        assert_eq!(rows(&mut other, &content), rows(&mut superuser, &content), "{table}");
    }
    let mut acme = restored.connect_as("acme").unwrap();
    assert_eq!(value(&mut acme, "SELECT count(*) FROM script_tracking.current_executions"), "2");
    let hk = value(&mut acme, "SELECT script_execution_hk FROM script_tracking.running_operations");
    assert_eq!(value(&mut acme, &format!("SELECT script_tracking.complete_operation('{hk}')")), "t");
    assert!(rows(&mut other, "SELECT * FROM script_tracking.verify()").is_empty());
    assert_eq!(psql(&restored, "postgres", "install.sql").unwrap(), "");
    run(&mut superuser, "DROP ROLE backup");
}

/// A release that changes a function and removes a file is an install over the old one.
#[test]
fn an_upgrade_equals_a_fresh_install() {
    let database = installed();
    let mut superuser = database.connect().unwrap();
    let state =
        "SELECT oid::regprocedure::text, prosrc FROM pg_proc WHERE pronamespace = 'script_tracking'::regnamespace
        UNION ALL SELECT file, encode(checksum, 'hex') FROM script_tracking.installed_file
        UNION ALL SELECT polrelid::regclass || '.' || polname, pg_get_expr(polqual, polrelid) FROM pg_policy
        UNION ALL SELECT viewname, definition FROM pg_views WHERE schemaname = 'script_tracking' ORDER BY 1, 2";
    let fresh = rows(&mut superuser, state);
    run(&mut superuser, "SELECT script_tracking.record_operation('before')");
    run(&mut superuser, "CREATE OR REPLACE FUNCTION script_tracking.get_setting(p_name text) RETURNS text LANGUAGE sql AS $$SELECT 'old'$$;
        ALTER POLICY tenant ON script_tracking.script_execution_s USING (true);
        CREATE OR REPLACE VIEW script_tracking.current_executions AS SELECT * FROM script_tracking.script_execution_s;
        UPDATE script_tracking.installed_file SET checksum = '\\x00' WHERE file = 'functions/get_setting.sql';
        INSERT INTO script_tracking.installed_file (file, checksum) VALUES ('functions/gone.sql', '\\x00')");
    assert_ne!(rows(&mut superuser, state), fresh);
    assert_eq!(psql(&database, "postgres", "install.sql").unwrap(), "");
    assert_eq!(rows(&mut superuser, state), fresh);
    assert_eq!(
        value(
            &mut superuser,
            "SELECT count(*) FROM script_tracking.script_execution_h WHERE script_execution_bk LIKE 'before%'"
        ),
        "1"
    );
}

#[test]
fn two_installs_take_turns() {
    let database = server().create_database().unwrap();
    installed();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(|| psql(&database, "postgres", "install.sql"))).collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap().unwrap(), "");
        }
    });
    assert_eq!(value(&mut database.connect().unwrap(), "SELECT count(*) FROM script_tracking.schema_version"), "1");
}
