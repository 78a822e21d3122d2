//! Capture switched off, capture that fails, commands that commit on their way, and the health rows that tell of it.

use std::time::Duration;

use postgres::Client;
use postgres::error::SqlState;

use crate::support::{installed, psql, refused, rows, run, server, value};

fn count(client: &mut Client) -> String {
    let query = "SELECT count(*) FROM script_tracking.script_execution_s WHERE load_end_date IS NULL AND script_type = 'DDL_AUTO'";
    value(client, query)
}

fn health(client: &mut Client) -> Vec<Vec<String>> {
    rows(client, "SELECT health_metric, current_status FROM script_tracking.capture_health()")
}

#[test]
fn an_admin_switches_it_off_for_a_session() {
    let database = installed();
    let mut admin = database.connect_as("admin").unwrap();
    let mut root = database.connect().unwrap();
    run(&mut root, "GRANT CREATE ON SCHEMA public TO admin, writer");
    run(&mut admin, "SET script_tracking.enabled = off");
    run(&mut admin, "BEGIN; CREATE TABLE a (x integer); DROP TABLE a; COMMIT");
    run(&mut admin, "CREATE TABLE IF NOT EXISTS b (x integer); CREATE TABLE IF NOT EXISTS b (x integer)");
    assert_eq!(count(&mut root), "1", "only the GRANT");
    let off = "SELECT login, tag FROM script_tracking.capture_switch_off ORDER BY switched_off_at";
    assert_eq!(rows(&mut admin, off), [["admin", "CREATE TABLE"], ["admin", "CREATE TABLE"]]);
    run(&mut admin, "RESET script_tracking.enabled; CREATE TABLE c (x integer)");
    assert_eq!(count(&mut root), "2");
    // From others it changes nothing.
    let mut writer = database.connect_as("writer").unwrap();
    for word in ["off", "false", "0", "no", "nonsense"] {
        run(&mut writer, &format!("SET script_tracking.enabled = {word}; CREATE TABLE w_{word} (x integer)"));
    }
    assert_eq!(count(&mut root), "7");
}

#[test]
fn an_admin_switches_it_off_for_a_role_or_a_schema() {
    let database = installed();
    let mut admin = database.connect_as("admin").unwrap();
    let mut root = database.connect().unwrap();
    run(&mut root, "CREATE SCHEMA quiet; GRANT USAGE, CREATE ON SCHEMA public, quiet TO writer");
    let before: u32 = count(&mut root).parse().unwrap();
    run(&mut admin, "SELECT script_tracking.set_capture('schema', 'quiet', false)");
    let mut writer = database.connect_as("writer").unwrap();
    run(
        &mut writer,
        "CREATE TABLE quiet.a (x integer PRIMARY KEY); ALTER TABLE quiet.a ADD y text DEFAULT '';
        CREATE TRIGGER r BEFORE UPDATE ON quiet.a FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
        CREATE POLICY p ON quiet.a USING (true); DROP POLICY p ON quiet.a; DROP TRIGGER r ON quiet.a;
        CREATE INDEX i ON quiet.a (y); ALTER TABLE quiet.a DROP y; DROP TABLE quiet.a",
    );
    assert_eq!(count(&mut root), before.to_string());
    // A name that looks like it does not help.
    run(&mut writer, "CREATE TABLE loud (x integer); CREATE POLICY \"p on quiet.a\" ON loud USING (true)");
    assert_eq!(count(&mut root), (before + 2).to_string());
    run(&mut admin, "SELECT script_tracking.set_capture('role', 'writer', false)");
    run(&mut writer, "CREATE TABLE c (x integer); DROP TABLE c");
    run(&mut writer, "CREATE INDEX CONCURRENTLY ON loud (x)");
    assert_eq!(count(&mut root), (before + 2).to_string());
    run(
        &mut admin,
        "SELECT script_tracking.set_capture('role', 'writer', true), script_tracking.set_capture('schema', 'quiet', true)",
    );
    run(&mut writer, "CREATE TABLE quiet.d (x integer)");
    assert_eq!(count(&mut root), (before + 3).to_string());
    let changes = "SELECT changed_by, new_row->>'name', new_row->>'captured' FROM script_tracking.setting_change
        WHERE table_name = 'capture_rule' AND changed_by = 'admin' ORDER BY change_id";
    let expected = [
        ["admin", "quiet", "false"],
        ["admin", "writer", "false"],
        ["admin", "writer", "true"],
        ["admin", "quiet", "true"],
    ];
    assert_eq!(rows(&mut admin, changes), expected);

    refused(
        &mut writer,
        "SELECT script_tracking.set_capture('role', 'writer', false)",
        &SqlState::INSUFFICIENT_PRIVILEGE,
    );
    refused(&mut admin, "SELECT script_tracking.set_capture('role', NULL, false)", &SqlState::NULL_VALUE_NOT_ALLOWED);
    refused(&mut admin, "SELECT script_tracking.set_capture('table', 'x', false)", &SqlState::INVALID_PARAMETER_VALUE);
    refused(&mut admin, "SELECT script_tracking.set_capture('role', 'nosuch', false)", &SqlState::UNDEFINED_OBJECT);
}

#[test]
fn temporary_objects_are_left_out_unless_asked_for() {
    let database = installed();
    let mut client = database.connect().unwrap();
    let temporary = "CREATE TEMP TABLE t (x serial PRIMARY KEY, y integer DEFAULT 1); CREATE INDEX ON t (y);
        CREATE POLICY p ON t USING (true); DROP POLICY p ON t; ALTER TABLE t DROP y; CREATE TEMP VIEW v AS SELECT * FROM t;
        CREATE FUNCTION pg_temp.f() RETURNS integer LANGUAGE sql AS 'SELECT 1'; DROP FUNCTION pg_temp.f(); DROP TABLE t CASCADE";
    run(&mut client, temporary);
    run(&mut client, "CREATE TEMP TABLE u (x integer)");
    run(&mut client, "CREATE INDEX CONCURRENTLY ON u (x)");
    assert_eq!(count(&mut client), "0");
    run(&mut client, "SELECT script_tracking.set_capture('schema', 'pg_temp', true)");
    run(&mut client, temporary);
    assert_eq!(count(&mut client), "9");
}

#[test]
fn a_failing_tracker_never_fails_the_command() {
    let database = installed();
    let mut client = database.connect().unwrap();
    let all_well = [["event_triggers", "EXCELLENT"], ["capture_failures", "EXCELLENT"]];
    assert_eq!(health(&mut client), all_well);
    run(
        &mut client,
        "BEGIN; SET LOCAL script_tracking.installing = on;
        ALTER TABLE script_tracking.script_execution_h RENAME TO away; COMMIT;
        CREATE TABLE a (x integer); DROP TABLE a",
    );
    let failures = "SELECT event, tag, sqlstate, login FROM script_tracking.capture_failure ORDER BY failure_id";
    let expected = [
        ["ddl_command_end", "CREATE TABLE", "42P01", "postgres"],
        ["ddl_command_end", "DROP TABLE", "42P01", "postgres"],
    ];
    assert_eq!(rows(&mut client, failures), expected);
    assert_eq!(health(&mut client)[1], ["capture_failures", "POOR"]);
    // Not even where nothing of ours is left but the functions.
    run(
        &mut client,
        "BEGIN; SET LOCAL script_tracking.installing = on; DROP TABLE script_tracking.capture_failure, script_tracking.capture_rule;
        DROP TABLE script_tracking.ddl_running; COMMIT;
        CREATE TABLE b (x integer); CREATE INDEX i ON b (x); DROP TABLE b",
    );
    run(&mut client, "CREATE TABLE c (x integer)");
    run(&mut client, "CREATE INDEX CONCURRENTLY i ON c (x)");
    run(&mut client, "DROP INDEX CONCURRENTLY i");
    assert_eq!(value(&mut client, "SELECT count(*) FROM pg_class WHERE relname IN ('b', 'c', 'i')"), "1");
}

#[test]
fn a_hidden_command_is_recorded_all_the_same() {
    let database = installed();
    let mut root = database.connect().unwrap();
    run(&mut root, "GRANT CREATE ON SCHEMA public TO writer");
    let mut writer = database.connect_as("writer").unwrap();
    // What it sees while a command runs, it sets again when that has ended, and before one ends.
    run(
        &mut writer,
        "CREATE FUNCTION peek(p_forge text) RETURNS text LANGUAGE plpgsql AS $$ DECLARE v text := current_setting('script_tracking.ddl_command'); BEGIN
            IF p_forge IS NOT NULL THEN PERFORM set_config('script_tracking.ddl_command', p_forge, false); END IF;
            RETURN v; END $$",
    );
    run(
        &mut writer,
        "DO $$ DECLARE v text[]; v_number bigint; BEGIN
            CREATE TABLE a AS SELECT peek(NULL) AS seen;
            v := string_to_array((SELECT seen FROM a), ' ');
            FOR v_number IN SELECT generate_series(0, 50) LOOP
                v[1] := v_number;
                PERFORM set_config('script_tracking.ddl_command', array_to_string(v, ' '), false);
                EXECUTE format('CREATE TABLE hidden%s (x integer)', v_number);
            END LOOP;
        END $$",
    );
    run(
        &mut writer,
        "SET script_tracking.ddl_command = 'garbage'; SET script_tracking.ddl_dropped = 'garbage'; CREATE TABLE b (x integer)",
    );
    for forged in [
        "''",
        "'9 9 9 9 9 9'",
        "'garbage'",
        "'1 2'",
        "replace(peek(NULL), ' 0 ', ' 7 ')",
        "replace(peek(NULL), ' 0 ', ' zz ')",
        "overlay(peek(NULL) placing 'zz' from length(peek(NULL)) - 10)",
        "overlay(peek(NULL) placing '9999999999999' from length(peek(NULL)) - 17)",
        "peek(NULL) || 'zz zz'",
        "left(peek(NULL), -2) || ' ' || repeat('ab', 32)",
    ] {
        run(&mut writer, &format!("CREATE TABLE c{} AS SELECT peek({forged})", forged.len()));
    }
    // What memory of a session its user may empty.
    run(
        &mut writer,
        "CREATE FUNCTION forget(p_how text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE p_how; RETURN p_how; END $$",
    );
    for (i, how) in
        ["DISCARD SEQUENCES", "RESET ALL", "CREATE TABLE IF NOT EXISTS a (); DISCARD SEQUENCES"].iter().enumerate()
    {
        run(&mut writer, &format!("CREATE TABLE c{} AS SELECT forget('{how}')", 100 + i));
    }
    // A command in another that says it is in none: both are recorded, and what comes after them.
    run(
        &mut writer,
        "CREATE FUNCTION nest(p_table text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
            EXECUTE format('CREATE TABLE %I AS SELECT peek(''1 0 '' || split_part(peek(NULL), '' '', 3) || '' ''
                || split_part(peek(NULL), '' '', 4) || ''  '') AS seen', p_table);
            RETURN p_table; END $$",
    );
    run(&mut writer, "CREATE TABLE c200 AS SELECT nest('c201')");
    run(
        &mut writer,
        "DO $$ BEGIN CREATE TABLE c202 AS SELECT nest('c203'); CREATE TABLE c204 AS SELECT nest('c205'); CREATE TABLE c206 (); END $$",
    );
    let known = "SELECT count(*) FROM script_tracking.script_execution_s, unnest(affected_objects) o
        WHERE load_end_date IS NULL AND db_session_user = 'writer' AND o ~ '^public\\.(a|b|hidden\\d+|c\\d+)$'";
    let real = "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname ~ '^(a|b|hidden\\d+|c\\d+)$'";
    assert_eq!(value(&mut root, known), value(&mut root, real));
    assert_eq!(value(&mut root, "SELECT count(*) FROM script_tracking.capture_failure"), "0");
    assert_eq!(value(&mut root, "SELECT count(*) FROM script_tracking.ddl_running"), "0");
}

/// A command that failed inside of a caught block left its number behind; a user who had carried the session's memory of it out in
/// the error's message set it again, and what followed passed for nested in a command that was no more.
#[test]
fn what_a_failed_command_knew_hides_nothing() {
    let database = installed();
    let mut root = database.connect().unwrap();
    run(&mut root, "GRANT CREATE ON SCHEMA public TO writer");
    let mut writer = database.connect_as("writer").unwrap();
    run(
        &mut writer,
        "CREATE FUNCTION tell() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN
            RAISE EXCEPTION USING MESSAGE = current_setting('script_tracking.ddl_command'); END $$;
        CREATE FUNCTION leak(p_command text DEFAULT 'CREATE TABLE gone AS SELECT tell()') RETURNS text LANGUAGE plpgsql AS $$
            DECLARE v text; BEGIN
                BEGIN EXECUTE p_command; EXCEPTION WHEN raise_exception THEN v := SQLERRM; END;
                PERFORM set_config('script_tracking.ddl_command', v, false);
                RETURN v; END $$",
    );
    for (i, attack) in [
        "DO $$ BEGIN PERFORM leak(); CREATE TABLE leaked_? (); CREATE TABLE leaked_?b (); END $$",
        "CREATE TABLE leaked_? (); DO $$ BEGIN PERFORM leak(); CREATE TABLE leaked_?b AS SELECT 1 AS x; END $$; CREATE TABLE leaked_?c ()",
        "CREATE TABLE leaked_? AS SELECT leak()",
        "CREATE TABLE leaked_? AS SELECT leak('CREATE MATERIALIZED VIEW gone AS SELECT tell()')",
        "SELECT leak() INTO leaked_?; SELECT 1",
        "DO $$ BEGIN CREATE TABLE leaked_? AS SELECT leak(); CREATE TABLE leaked_?b AS SELECT leak() AS l; CREATE TABLE leaked_?c (); END $$",
        "BEGIN; CREATE TABLE leaked_? AS SELECT leak(); SELECT leak(); CREATE TABLE leaked_?b (); COMMIT",
    ]
    .iter()
    .enumerate()
    {
        run(&mut writer, &attack.replace('?', &i.to_string()));
    }
    let real = "SELECT string_agg('public.' || relname, ' ' ORDER BY relname) FROM pg_class WHERE relkind = 'r' AND relname ~ '^leaked_'";
    let known = "SELECT string_agg(DISTINCT o, ' ' ORDER BY o) FROM script_tracking.script_execution_s, unnest(affected_objects) o
        WHERE load_end_date IS NULL AND o ~ '^public[.]leaked_'";
    assert_eq!(value(&mut root, known), value(&mut root, real));
    assert_eq!(value(&mut root, "SELECT count(*) FROM script_tracking.ddl_running"), "0");
}

#[test]
fn concurrently_is_found_when_it_failed() {
    let database = installed();
    let mut client = database.connect().unwrap();
    let mut other = database.connect_as("admin").unwrap();
    let states = "SELECT execution_status, sql_command, execution_duration_ms IS NULL, affected_objects FROM script_tracking.script_execution_s
        WHERE load_end_date IS NULL AND script_name ~ 'INDEX' ORDER BY execution_timestamp";
    run(&mut client, "CREATE TABLE t AS SELECT 1 AS x FROM generate_series(1, 2)");
    run(&mut client, "CREATE INDEX CONCURRENTLY fine ON t (x)");
    run(&mut client, "CREATE INDEX CONCURRENTLY IF NOT EXISTS fine ON t (x)");
    assert_eq!(
        rows(&mut client, states),
        [["COMPLETED", "CREATE INDEX CONCURRENTLY fine ON t (x)", "f", "{public.fine}"]]
    );
    let unique = "CREATE UNIQUE INDEX CONCURRENTLY bad ON t (x)";
    refused(&mut client, unique, &SqlState::UNIQUE_VIOLATION);
    assert_eq!(rows(&mut client, states)[1], ["RUNNING", unique, "t", "NULL"]);
    // The same session's next command knows; DROP INDEX CONCURRENTLY may write nothing before its end.
    run(&mut client, "DROP INDEX CONCURRENTLY bad");
    let after = rows(&mut client, states);
    assert_eq!(after[1], ["FAILED", unique, "t", "NULL"]);
    assert_eq!(after[2], ["COMPLETED", "DROP INDEX CONCURRENTLY bad", "f", "{public.bad}"]);
    // Another session finds it, be the first one idle or gone.
    refused(&mut client, unique, &SqlState::UNIQUE_VIOLATION);
    run(&mut client, "SELECT 1"); // the error comes before the session is idle
    assert_eq!(value(&mut other, "SELECT script_tracking.fail_interrupted_ddl()"), "1");
    assert_eq!(rows(&mut client, states)[3][0], "FAILED");
    assert_eq!(value(&mut other, "SELECT script_tracking.fail_interrupted_ddl()"), "0");
    let chains = "SELECT count(*) FROM script_tracking.script_execution_s s WHERE s.hash_diff <> script_tracking.calculate_hash_diff(s)";
    assert_eq!(value(&mut client, chains), "0");
}

#[test]
fn concurrently_is_not_failed_while_it_works() {
    let database = installed();
    let mut holder = database.connect().unwrap();
    let mut looker = database.connect_as("admin").unwrap();
    run(&mut holder, "CREATE TABLE t (x integer)");
    run(&mut holder, "BEGIN; INSERT INTO t VALUES (1)");
    let running = "SELECT count(*) FROM script_tracking.script_execution_s
        WHERE load_end_date IS NULL AND script_name = 'CREATE INDEX' AND execution_status = 'RUNNING'";
    std::thread::scope(|scope| {
        let mut worker = database.connect().unwrap();
        let work = scope.spawn(move || worker.batch_execute("CREATE INDEX CONCURRENTLY i ON t (x)"));
        for _ in 0..500 {
            if value(&mut looker, running) == "1" {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(value(&mut looker, running), "1", "it waits for the holder");
        assert_eq!(value(&mut looker, "SELECT script_tracking.fail_interrupted_ddl()"), "0");
        run(&mut holder, "COMMIT");
        work.join().unwrap().unwrap();
    });
    let ended = "SELECT execution_status, affected_objects FROM script_tracking.script_execution_s
        WHERE load_end_date IS NULL AND script_name = 'CREATE INDEX'";
    assert_eq!(rows(&mut looker, ended), [["COMPLETED", "{public.i}"]]);
}

#[test]
fn health_tells_what_is_off() {
    let database = installed();
    let mut client = database.connect().unwrap();
    run(&mut client, "ALTER EVENT TRIGGER et_sql_drop DISABLE");
    assert_eq!(health(&mut client)[0], ["event_triggers", "POOR"]);
    run(&mut client, "ALTER EVENT TRIGGER et_sql_drop ENABLE ALWAYS; DROP EVENT TRIGGER et_ddl_command_end");
    assert_eq!(health(&mut client)[0], ["event_triggers", "POOR"]);
    let report =
        "SELECT current_status FROM script_tracking.get_system_health() WHERE health_metric = 'event_triggers'";
    assert_eq!(value(&mut client, report), "POOR");
    psql(&database, "postgres", "install.sql").unwrap();
    assert_eq!(health(&mut client)[0], ["event_triggers", "EXCELLENT"]);
}

#[test]
fn without_a_superuser_the_rest_installs() {
    installed(); // the roles
    let database = server().create_database().unwrap();
    let mut root = database.connect().unwrap();
    run(&mut root, "CREATE ROLE capture_installer LOGIN IN ROLE script_tracking_owner");
    run(
        &mut root,
        &format!("GRANT CREATE ON DATABASE {} TO capture_installer; CREATE EXTENSION pgcrypto", database.name()),
    );
    let said = psql(&database, "capture_installer", "install.sql").unwrap();
    for trigger in ["et_ddl_command_start", "et_ddl_command_end", "et_sql_drop"] {
        assert!(said.contains(&format!("the event trigger {trigger} is missing")), "{said}");
    }
    assert_eq!(health(&mut root)[0], ["event_triggers", "WARNING"]);
    run(&mut root, "CREATE TABLE unseen (x integer)");
    assert_eq!(psql(&database, "postgres", "install.sql").unwrap(), "");
    assert_eq!(health(&mut root)[0], ["event_triggers", "EXCELLENT"]);
    run(&mut root, "CREATE TABLE seen (x integer)");
    assert_eq!(count(&mut root), "1");
}
