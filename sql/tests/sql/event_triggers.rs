//! et_ddl_command_start, et_ddl_command_end, et_sql_drop: what is one operation, and what it holds.

use crate::support::{installed, psql, rows, run, value};
use postgres::Client;

/// The DDL that was recorded: tag and objects.
fn recorded(client: &mut Client) -> Vec<String> {
    let query = "SELECT script_name || coalesce(' ' || array_to_string(affected_objects, ' '), '')
        FROM script_tracking.script_execution_s
        WHERE load_end_date IS NULL AND script_type = 'DDL_AUTO' ORDER BY version_number";
    rows(client, query).into_iter().map(|mut row| row.remove(0)).collect()
}

/// What a command adds to what was recorded.
fn adds(client: &mut Client, command: &str) -> Vec<String> {
    let before = recorded(client).len();
    run(client, command);
    recorded(client).split_off(before)
}

#[test]
fn one_operation_a_command() {
    let database = installed();
    let mut client = database.connect().unwrap();
    run(&mut client, "CREATE ROLE grantee; CREATE SCHEMA s");
    let cases: &[(&str, &[&str])] = &[
        ("CREATE TABLE s.a (x serial PRIMARY KEY)", &["CREATE TABLE s.a_x_seq s.a s.a_pkey"]),
        ("CREATE TABLE IF NOT EXISTS s.a (x integer)", &[]),
        ("DROP TABLE IF EXISTS s.nothing; ALTER TABLE IF EXISTS s.nothing ADD y integer", &[]),
        ("CREATE TABLE s.b AS SELECT 1 AS x", &["CREATE TABLE AS s.b"]),
        ("SELECT 1 AS x INTO s.c", &["SELECT INTO s.c"]),
        ("ALTER TABLE s.b ALTER x TYPE bigint", &["ALTER TABLE s.b"]),
        ("ALTER TABLE s.c ADD y integer, DROP x", &["ALTER TABLE s.c s.c.x"]),
        ("GRANT SELECT ON s.b TO grantee", &["GRANT"]),
        ("ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO grantee", &["ALTER DEFAULT PRIVILEGES"]),
        ("COMMENT ON TABLE s.b IS 'b'", &["COMMENT s.b"]),
        ("CREATE MATERIALIZED VIEW s.m AS SELECT * FROM s.b", &["CREATE MATERIALIZED VIEW s.m"]),
        ("REFRESH MATERIALIZED VIEW s.m", &["REFRESH MATERIALIZED VIEW s.m"]),
        ("CREATE TABLE s.p (x integer) PARTITION BY RANGE (x)", &["CREATE TABLE s.p"]),
        ("CREATE TABLE s.p1 PARTITION OF s.p FOR VALUES FROM (0) TO (9)", &["CREATE TABLE s.p1"]),
        ("ALTER TABLE s.p DETACH PARTITION s.p1", &["ALTER TABLE s.p"]),
        ("ALTER TABLE s.p ATTACH PARTITION s.p1 FOR VALUES FROM (0) TO (9)", &["ALTER TABLE s.p"]),
        ("ALTER TABLE s.p DETACH PARTITION s.p1 CONCURRENTLY", &["ALTER TABLE s.p"]),
        ("CREATE SCHEMA t CREATE TABLE u (x integer) CREATE VIEW v AS SELECT x FROM u", &["CREATE SCHEMA t t.u t.v"]),
        (
            "CREATE TABLE one (x integer); CREATE TABLE two (x integer)",
            &["CREATE TABLE public.one", "CREATE TABLE public.two"],
        ),
        (
            "DO $$ BEGIN DROP VIEW t.v; CREATE TABLE three (x integer); END $$",
            &["DROP VIEW t.v t.v[] \"_RETURN\" on t.v", "CREATE TABLE public.three"],
        ),
        ("CREATE EXTENSION citext", &["CREATE EXTENSION citext"]),
        ("CREATE EXTENSION IF NOT EXISTS citext", &[]),
        (
            "CREATE FUNCTION f() RETURNS integer LANGUAGE plpgsql AS 'BEGIN CREATE TABLE g (); DROP TABLE g; RETURN 1; END'",
            &["CREATE FUNCTION public.f()"],
        ),
        ("SELECT f()", &["CREATE TABLE public.g", "DROP TABLE public.g public.g[]"]),
        ("CREATE TABLE s.h AS SELECT f()", &["CREATE TABLE AS s.h"]),
        (
            "CREATE TRIGGER r BEFORE UPDATE ON s.b FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            &["CREATE TRIGGER r on s.b"],
        ),
        ("DROP TRIGGER r ON s.b", &["DROP TRIGGER r on s.b"]),
        (
            "SET session_replication_role = replica; ALTER TABLE s.b RENAME TO d; RESET session_replication_role",
            &["ALTER TABLE s.d"],
        ),
    ];
    for (command, expected) in cases {
        assert_eq!(adds(&mut client, command), *expected, "{command}");
    }
    let dropped = adds(&mut client, "DROP SCHEMA t CASCADE");
    assert_eq!(dropped, ["DROP SCHEMA t t.u t.u[]"]);
    let nested = "SELECT metadata->>'nested_commands' FROM script_tracking.script_execution_s
        WHERE script_name = 'CREATE TABLE AS' AND affected_objects = '{s.h}' AND load_end_date IS NULL";
    assert_eq!(value(&mut client, nested), "2");
    run(&mut client, "DROP OWNED BY grantee; DROP ROLE grantee");
    assert_eq!(recorded(&mut client).pop().unwrap(), "DROP OWNED for role postgres in schema s on tables");
}

#[test]
fn every_dropped_object_is_told() {
    let database = installed();
    let mut client = database.connect().unwrap();
    run(
        &mut client,
        "CREATE SCHEMA s; CREATE ROLE dropper; GRANT CREATE ON SCHEMA s TO dropper;
        DO $$ BEGIN FOR i IN 1 .. 150 LOOP EXECUTE format('CREATE TABLE s.t%s (x integer)', i); END LOOP; END $$;
        CREATE VIEW public.v AS SELECT * FROM s.t1;
        SET ROLE dropper; CREATE TABLE s.mine (x integer); CREATE SEQUENCE s.q; RESET ROLE",
    );
    assert_eq!(adds(&mut client, "DROP OWNED BY dropper").len(), 1);
    let last = "SELECT affected_objects @> ARRAY['s.mine', 's.q'] FROM script_tracking.script_execution_s
        WHERE script_name = 'DROP OWNED' AND load_end_date IS NULL";
    assert_eq!(value(&mut client, last), "t");
    run(&mut client, "DROP SCHEMA s CASCADE; DROP ROLE dropper");
    let all = "SELECT count(*) FILTER (WHERE o ~ '^s\\.t\\d+$'), bool_or(o = 'public.v'), bool_or(o = 's'), max((metadata->>'objects')::integer) = count(*)
        FROM script_tracking.script_execution_s, unnest(affected_objects) o
        WHERE script_name = 'DROP SCHEMA' AND load_end_date IS NULL";
    assert_eq!(rows(&mut client, all), [["150", "t", "t", "t"]]);
}

#[test]
fn both_versions_are_written_at_the_end() {
    let database = installed();
    let mut client = database.connect_as("acme").unwrap();
    let mut admin = database.connect().unwrap();
    run(&mut admin, "GRANT CREATE ON SCHEMA public TO acme");
    run(&mut client, "CREATE TABLE slow AS SELECT pg_sleep(0.06)::text AS x");
    let versions = "SELECT s.execution_status, s.load_end_date = lead(s.load_date) OVER w, s.execution_duration_ms BETWEEN 60 AND 5000,
            s.execution_timestamp < s.load_date - interval '60 ms', s.db_session_user, s.affected_objects, s.sql_command, s.metadata,
            s.hash_diff = script_tracking.calculate_hash_diff(s), s.script_type,
            h.script_execution_bk ~ '^CREATE TABLE AS_\\d{4}-\\d\\d-\\d\\d_\\d\\d:\\d\\d:\\d\\d\\.\\d{6}_[0-9a-f]{6}$',
            h.script_execution_hk = script_tracking.calculate_hash_key(h.script_execution_bk),
            s.tenant_hk = script_tracking.calculate_hash_key('acme') AND h.tenant_hk = s.tenant_hk
        FROM script_tracking.script_execution_s s JOIN script_tracking.script_execution_h h USING (script_execution_hk)
        WINDOW w AS (PARTITION BY s.script_execution_hk ORDER BY s.load_date) ORDER BY s.load_date";
    let text = "CREATE TABLE slow AS SELECT pg_sleep(0.06)::text AS x";
    let metadata = r#"{"tag": "CREATE TABLE AS"}"#;
    let both = [
        ["RUNNING", "t", "NULL", "t", "acme", "{public.slow}", text, metadata, "t", "DDL_AUTO", "t", "t", "t"],
        ["COMPLETED", "NULL", "t", "t", "acme", "{public.slow}", text, metadata, "t", "DDL_AUTO", "t", "t", "t"],
    ];
    assert_eq!(rows(&mut client, versions), both);
    let mut other = database.connect_as("globex").unwrap();
    assert!(rows(&mut other, versions).is_empty(), "another tenant's DDL");
}

#[test]
fn an_ordinary_users_ddl_is_its_own() {
    let database = installed();
    let mut admin = database.connect().unwrap();
    // Roles belong to the cluster: granting one of the common logins another one's rights broke the tests beside.
    run(&mut admin, "CREATE ROLE ddl_group; CREATE ROLE ddl_member LOGIN IN ROLE ddl_group");
    run(&mut admin, "GRANT CREATE ON SCHEMA public TO ddl_member, ddl_group");
    let mut client = database.connect_as("ddl_member").unwrap();
    run(&mut client, "CREATE TABLE mine (x integer)");
    run(&mut client, "SET ROLE ddl_group; CREATE TABLE theirs (x integer)");
    let who = "SELECT db_session_user, affected_objects, metadata->>'role' FROM script_tracking.script_execution_s
        WHERE load_end_date IS NULL AND script_type = 'DDL_AUTO' AND script_name = 'CREATE TABLE' ORDER BY version_number";
    assert_eq!(
        rows(&mut admin, who),
        [["ddl_member", "{public.mine}", "NULL"], ["ddl_member", "{public.theirs}", "ddl_group"]]
    );
}

#[test]
fn what_is_rolled_back_was_not_done() {
    let database = installed();
    let mut client = database.connect().unwrap();
    let kept = adds(
        &mut client,
        "BEGIN; SAVEPOINT a; CREATE TABLE gone (x integer); ROLLBACK TO a; CREATE TABLE kept (x integer); COMMIT;
        BEGIN; CREATE TABLE gone (x integer); ROLLBACK",
    );
    assert_eq!(kept, ["CREATE TABLE public.kept"]);
    assert!(client.batch_execute("CREATE TABLE kept (x integer)").is_err());
    assert_eq!(adds(&mut client, "DROP TABLE kept"), ["DROP TABLE public.kept public.kept[]"]);
}

#[test]
fn a_nested_failure_loses_nothing() {
    let database = installed();
    let mut client = database.connect().unwrap();
    run(
        &mut client,
        "CREATE FUNCTION inner_ddl(p_fail boolean) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN
            BEGIN CREATE TABLE a (x integer); IF p_fail THEN PERFORM 1 / 0; END IF;
            EXCEPTION WHEN division_by_zero THEN RAISE NOTICE 'caught'; END;
            BEGIN CREATE TABLE pg_class_ (x nosuch); EXCEPTION WHEN undefined_object THEN RAISE NOTICE 'caught'; END;
            RETURN 1; END $$",
    );
    // Outside of a command each counts; inside of one none does, unless one failed: then rather too many than none.
    assert_eq!(adds(&mut client, "SELECT inner_ddl(false); DROP TABLE a").len(), 2);
    assert_eq!(adds(&mut client, "SELECT inner_ddl(true)").len(), 0);
    let outer = adds(&mut client, "CREATE TABLE outer_ AS SELECT inner_ddl(false)");
    assert!(outer.contains(&"CREATE TABLE AS public.outer_".to_owned()), "{outer:?}");
    assert_eq!(adds(&mut client, "CREATE TABLE after (x integer)"), ["CREATE TABLE public.after"]);
}

#[test]
fn our_own_ddl_is_not_recorded() {
    let database = installed();
    let mut client = database.connect().unwrap();
    let before = recorded(&mut client);
    psql(&database, "postgres", "install.sql").unwrap();
    assert_eq!(recorded(&mut client), before);
    // Another may say the same and changes nothing by it.
    run(&mut client, "GRANT CREATE ON SCHEMA public TO nobody");
    let mut nobody = database.connect_as("nobody").unwrap();
    run(&mut nobody, "SET script_tracking.installing = on; CREATE TABLE seen (x integer)");
    assert_eq!(recorded(&mut client).pop().unwrap(), "CREATE TABLE public.seen");
    psql(&database, "postgres", "uninstall.sql").unwrap();
    assert!(rows(&mut client, "SELECT evtname FROM pg_event_trigger").is_empty());
}
