//! Migrations among others: at once, on old snapshots, by callers of every kind.

use std::thread::sleep;
use std::time::{Duration, Instant};

use postgres::Client;
use postgres::error::SqlState;

use crate::migrations::{file, migrate, states};
use crate::support::{installed, refused, rows, run, value};

/// Waits until a query gives this value.
fn until(client: &mut Client, query: &str, expected: &str) {
    let began = Instant::now();
    while value(client, query) != expected {
        assert!(began.elapsed() < Duration::from_secs(60), "{query} never gave {expected}");
        sleep(Duration::from_millis(10));
    }
}

#[test]
fn of_two_at_once_one_runs_and_the_other_finds_it_applied() {
    let database = installed();
    let mut gate = database.connect().unwrap();
    run(&mut gate, "SELECT pg_advisory_lock(4711)");
    // The file waits at the gate, so both are surely there at once.
    let path = file(&database, "V1.sql", "CREATE TABLE once (x integer); SELECT pg_advisory_xact_lock_shared(4711);");
    let other = file(&database, "V2.sql", "CREATE TABLE after_once AS SELECT count(*) FROM once");
    let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let answers = std::thread::scope(|scope| {
        let one = scope.spawn(|| migrate(&mut database.connect().unwrap(), &path, "1"));
        until(&mut gate, waiting, "1");
        let two = scope.spawn(|| migrate(&mut database.connect().unwrap(), &path, "1"));
        // Another version waits too: migrations take turns.
        let three = scope.spawn(|| migrate(&mut database.connect().unwrap(), &other, "2"));
        until(&mut gate, waiting, "3");
        run(&mut gate, "SELECT pg_advisory_unlock(4711)");
        [one.join().unwrap(), two.join().unwrap(), three.join().unwrap()]
    });
    assert_eq!(answers[0], ["APPLIED", "1", ""]);
    assert_eq!(answers[1], ["ALREADY_APPLIED", "0", ""]);
    assert_eq!(answers[2], ["APPLIED", "1", ""]);
    assert_eq!(states(&mut gate, "1"), "RUNNING APPLIED");
}

#[test]
fn a_snapshot_too_old_to_see_a_migration_is_refused() {
    let database = installed();
    let path = file(&database, "V1.sql", "CREATE TABLE IF NOT EXISTS once (x integer)");
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        let mut old = database.connect().unwrap();
        run(&mut old, &format!("BEGIN ISOLATION LEVEL {level}; SELECT count(*) FROM script_tracking.migration"));
        assert_eq!(migrate(&mut database.connect().unwrap(), &path, level)[0], "APPLIED");
        let call = format!("SELECT * FROM script_tracking.run_migration_enterprise('{path}', '{level}')");
        refused(&mut old, &call, &SqlState::T_R_SERIALIZATION_FAILURE);
        run(&mut old, "ROLLBACK");
        run(&mut old, &format!("BEGIN ISOLATION LEVEL {level}"));
        assert_eq!(migrate(&mut old, &path, level)[0], "ALREADY_APPLIED", "a new one sees it");
        assert_eq!(states(&mut old, level), "RUNNING APPLIED");
    }
}

#[test]
fn a_cancelled_migration_leaves_nothing() {
    let database = installed();
    let mut client = database.connect().unwrap();
    let path = file(&database, "V1.sql", "CREATE TABLE half (x integer); SELECT pg_sleep(60)");
    run(&mut client, "SET statement_timeout = '200ms'");
    let call = format!("SELECT * FROM script_tracking.run_migration_enterprise('{path}', '1')");
    refused(&mut client, &call, &SqlState::QUERY_CANCELED);
    assert_eq!(states(&mut client, "1"), "");
    assert_eq!(value(&mut client, "SELECT to_regclass('half') IS NULL"), "t");
}

#[test]
fn arguments_are_checked() {
    let database = installed();
    let mut client = database.connect().unwrap();
    let path = file(&database, "V1.sql", "SELECT 1");
    let long = "x".repeat(256);
    for (file, version, code) in [
        ("NULL".to_owned(), "'1'".to_owned(), &SqlState::NULL_VALUE_NOT_ALLOWED),
        (format!("'{path}'"), "NULL".to_owned(), &SqlState::NULL_VALUE_NOT_ALLOWED),
        ("''".to_owned(), "'1'".to_owned(), &SqlState::INVALID_PARAMETER_VALUE),
        (format!("'{path}'"), "''".to_owned(), &SqlState::INVALID_PARAMETER_VALUE),
        (format!("'{long}'"), "'1'".to_owned(), &SqlState::STRING_DATA_RIGHT_TRUNCATION),
        (format!("'{path}'"), format!("'{}'", "1".repeat(51)), &SqlState::STRING_DATA_RIGHT_TRUNCATION),
        (format!("'{path}.not'"), "'1'".to_owned(), &SqlState::UNDEFINED_FILE),
    ] {
        refused(
            &mut client,
            &format!("SELECT * FROM script_tracking.run_migration_enterprise({file}, {version})"),
            code,
        );
    }
    let invalid = file(&database, "latin1.sql", b"SELECT '\xe9'");
    let call = format!("SELECT * FROM script_tracking.run_migration_enterprise('{invalid}', '1')");
    refused(&mut client, &call, &SqlState::CHARACTER_NOT_IN_REPERTOIRE);
    assert_eq!(value(&mut client, "SELECT count(*) FROM script_tracking.migration"), "0");
    let odd = "'; DROP TABLE script_tracking.migration; -- $$";
    assert_eq!(migrate(&mut client, &path, odd)[0], "APPLIED");
    assert_eq!(value(&mut client, "SELECT count(*) FROM script_tracking.migration"), "2");
}

#[test]
fn it_runs_with_the_callers_rights() {
    let database = installed();
    let mut superuser = database.connect().unwrap();
    run(
        &mut superuser,
        "CREATE ROLE deployer LOGIN IN ROLE script_tracking_admin, pg_read_server_files;
        GRANT EXECUTE ON FUNCTION pg_read_file(text) TO deployer; CREATE SCHEMA app AUTHORIZATION deployer;
        CREATE TABLE public.theirs (x integer)",
    );
    let path = file(&database, "V1.sql", "CREATE TABLE app.mine (x integer)");
    let call = format!("SELECT * FROM script_tracking.run_migration_enterprise('{path}', '1')");
    for login in ["admin", "writer", "acme", "trusted", "reader", "nobody"] {
        let mut client = database.connect_as(login).unwrap();
        refused(&mut client, &call, &SqlState::INSUFFICIENT_PRIVILEGE);
        for inner in
            ["run_migration('x', 'x', 'x')", "start_migration('1', 'x', sha256(''))", "finish_migration('1', now())"]
        {
            if login != "admin" {
                refused(&mut client, &format!("SELECT script_tracking.{inner}"), &SqlState::INSUFFICIENT_PRIVILEGE);
            }
        }
    }
    // As it is since PostgreSQL 15.
    run(&mut superuser, "REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    let mut deployer = database.connect_as("deployer").unwrap();
    assert_eq!(migrate(&mut deployer, &path, "1"), ["APPLIED", "1", ""]);
    let owner = value(&mut superuser, "SELECT tableowner FROM pg_tables WHERE tablename = 'mine'");
    assert_eq!(owner, "deployer");
    for text in [
        "DROP TABLE public.theirs",
        "CREATE TABLE public.new (x integer)",
        "CREATE ROLE mighty SUPERUSER",
        "INSERT INTO script_tracking.migration DEFAULT VALUES",
        "SET ROLE script_tracking_owner",
        "SELECT * FROM script_tracking.credential_s",
        "SET SESSION AUTHORIZATION postgres",
    ] {
        let path = file(&database, "V2.sql", text);
        let answer = migrate(&mut deployer, &path, "2");
        assert!(answer[0] == "FAILED" && answer[2].starts_with("42501: "), "{text}: {answer:?}");
    }
    let by = rows(
        &mut superuser,
        "SELECT DISTINCT m.applied_by, s.db_session_user FROM script_tracking.migration m
        JOIN script_tracking.script_execution_s s USING (script_execution_hk)",
    );
    assert_eq!(by, [["deployer", "deployer"]]);
    for statement in [
        "INSERT INTO script_tracking.migration DEFAULT VALUES",
        "DELETE FROM script_tracking.migration",
        "UPDATE script_tracking.migration SET checksum = sha256('')",
        "TRUNCATE script_tracking.migration",
    ] {
        refused(&mut deployer, statement, &SqlState::INSUFFICIENT_PRIVILEGE);
    }
}

#[test]
fn a_hostile_search_path_changes_nothing_of_ours() {
    let database = installed();
    let mut client = database.connect().unwrap();
    run(
        &mut client,
        r"
        CREATE SCHEMA evil;
        CREATE FUNCTION evil.current_setting(text) RETURNS text LANGUAGE sql AS $$SELECT 'nowhere'::pg_catalog.text$$;
        CREATE FUNCTION evil.set_config(text, text, boolean) RETURNS text LANGUAGE sql AS $$SELECT 'nothing'::pg_catalog.text$$;
        CREATE FUNCTION evil.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$SELECT 'x'::pg_catalog.bytea$$;
        CREATE FUNCTION evil.differ(text, text) RETURNS boolean LANGUAGE sql AS $$SELECT false$$;
        CREATE OPERATOR evil.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.differ);
        CREATE TABLE evil.migration (x integer); CREATE TABLE evil.text (x integer); CREATE DOMAIN evil.varchar AS integer;
        SET standard_conforming_strings = off; SET escape_string_warning = off; SET bytea_output = escape; SET array_nulls = off;
        SET DateStyle = 'SQL, DMY'; SET quote_all_identifiers = on; SET plpgsql.extra_errors = 'all';
        SET search_path = evil, pg_catalog, public",
    );
    let before = value(&mut client, "SELECT pg_catalog.current_setting('search_path')");
    let path = file(&database, "V1.sql", "SET search_path = public; CREATE TABLE public.t (x integer)");
    assert_eq!(migrate(&mut client, &path, "1"), ["APPLIED", "1", ""]);
    assert_eq!(migrate(&mut client, &path, "1"), ["ALREADY_APPLIED", "0", ""]);
    assert_eq!(value(&mut client, "SELECT pg_catalog.current_setting('search_path')"), before);
    let failing = file(&database, "V2.sql", "\u{feff}COPY public.t FROM STDIN;\n1\n\\.\n");
    let [status, _, details] = migrate(&mut client, &failing, "2");
    assert!(status == "FAILED" && details.starts_with("42601: ") && details.contains("opledger migrate"), "{details}");
    let stored = "SELECT count(*) FROM script_tracking.migration WHERE checksum = pg_catalog.sha256('SET search_path = public; CREATE TABLE public.t (x integer)')";
    assert_eq!(value(&mut client, stored), "2");
}

#[test]
fn secrets_of_a_failed_file_are_told_to_its_caller_only() {
    let database = installed();
    let mut client = database.connect().unwrap();
    run(
        &mut client,
        "CREATE EXTENSION postgres_fdw; CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw; CREATE TABLE t (x text UNIQUE)",
    );
    for (index, text) in [
        "SELECT 'hunter2'::integer",
        "CREATE USER MAPPING FOR postgres SERVER s OPTIONS (user 'u', password 'hunter2'); SELECT nothing",
        "DO $$ BEGIN CREATE USER MAPPING FOR postgres SERVER s OPTIONS (\"hunter2\" 'x'); END $$",
        "DO $$ BEGIN EXECUTE 'SELECT hunter2'; END $$",
        "CREATE SUBSCRIPTION p CONNECTION 'host=/nowhere hunter2' PUBLICATION q",
        "ALTER ROLE CURRENT_USER VALID UNTIL 'hunter2'",
        "SELECT now() + interval 'hunter2'",
        "SELECT '{hunter2'::json; -- hunter2",
    ]
    .iter()
    .enumerate()
    {
        let path = file(&database, "V1.sql", text);
        let [status, _, details] = migrate(&mut client, &path, &format!("v{index}"));
        assert_eq!(status, "FAILED", "{text}");
        let kept =
            value(&mut client, "SELECT error_details FROM script_tracking.migration ORDER BY load_date DESC LIMIT 1");
        assert!(kept.starts_with(&details[..5]) && kept.len() > 8, "{text}: {kept}");
    }
    let output = database
        .server()
        .program("pg_dump")
        .args(["-d", database.name(), "--data-only", "--inserts"])
        .output()
        .unwrap();
    let dump = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && dump.contains("MIGRATION"));
    let found: Vec<&str> = dump.lines().filter(|line| line.contains("hunter2")).collect();
    assert!(found.is_empty(), "{found:?}");
    let path = file(&database, "V2.sql", "SELECT 'hunter2'::integer; SELECT gone FROM t");
    assert_eq!(migrate(&mut client, &path, "2")[2], "22P02: invalid input syntax for type integer: \"hunter2\"");
    let path = file(&database, "V2.sql", "SELECT gone FROM t");
    migrate(&mut client, &path, "2");
    let kept =
        value(&mut client, "SELECT error_details FROM script_tracking.migration ORDER BY load_date DESC LIMIT 1");
    assert_eq!(kept, "42703: column \"gone\" does not exist", "names stay");
    // Elsewhere values have other quotes, which nobody here can list.
    let mask = |language: &str| {
        format!("SELECT script_tracking.mask_message('a \"hunter2\" and \"b\"', 'SELECT b, $$hunter2$$', '{language}')")
    };
    assert_eq!(value(&mut client, &mask("de_DE.UTF-8")), "?");
    for language in ["C", "POSIX", "C.UTF-8", "en_US.UTF-8", "en"] {
        assert_eq!(value(&mut client, &mask(language)), "a \"?\" and \"b\"", "{language}");
    }
}

#[test]
fn objects_are_not_counted_where_ddl_is_not_captured() {
    let database = installed();
    let mut client = database.connect().unwrap();
    let path = file(&database, "V1.sql", "CREATE TABLE a (x integer)");
    run(&mut client, "SET script_tracking.enabled = off");
    assert_eq!(migrate(&mut client, &path, "1"), ["APPLIED", "NULL", ""]);
    run(&mut client, "RESET script_tracking.enabled; ALTER EVENT TRIGGER et_sql_drop DISABLE");
    let path = file(&database, "V2.sql", "DROP TABLE a; CREATE TABLE b (x integer)");
    assert_eq!(migrate(&mut client, &path, "2"), ["APPLIED", "NULL", ""]);
    run(
        &mut client,
        "ALTER EVENT TRIGGER et_sql_drop ENABLE ALWAYS; SELECT script_tracking.set_capture('role', 'postgres', false)",
    );
    let path = file(&database, "V3.sql", "DROP TABLE b");
    assert_eq!(migrate(&mut client, &path, "3"), ["APPLIED", "NULL", ""]);
    run(&mut client, "SELECT script_tracking.set_capture('role', 'postgres', true)");
    let path = file(
        &database,
        "V4.sql",
        "CREATE TABLE c (x integer PRIMARY KEY); CREATE VIEW v AS SELECT * FROM c;
        ALTER TABLE c ADD COLUMN y text; DROP TABLE c CASCADE; INSERT INTO v VALUES (1)",
    );
    assert_eq!(migrate(&mut client, &path, "4")[1], "0", "a failed one changed nothing");
    let path = file(
        &database,
        "V4.sql",
        "CREATE TABLE c (x integer PRIMARY KEY); CREATE VIEW v AS SELECT * FROM c;
        ALTER TABLE c ADD COLUMN y text; GRANT SELECT ON c TO PUBLIC",
    );
    assert_eq!(migrate(&mut client, &path, "4"), ["APPLIED", "3", ""], "c, c_pkey, v");
    // Two in one transaction: each counts its own.
    run(&mut client, "BEGIN");
    let path = file(&database, "V5.sql", "CREATE TABLE d (x integer)");
    assert_eq!(migrate(&mut client, &path, "5")[1], "1");
    let path = file(&database, "V6.sql", "CREATE TABLE e (x integer); CREATE TABLE f (x integer)");
    assert_eq!(migrate(&mut client, &path, "6")[1], "2");
    run(&mut client, "COMMIT");
}

#[test]
fn the_commands_states_are_understood() {
    let database = installed();
    let mut client = database.connect().unwrap();
    let path = file(&database, "V1.sql", "CREATE TABLE t (x integer)");
    run(&mut client, "INSERT INTO script_tracking.migration (migration_kind, migration_version, state_number, migration_status, checksum, load_date)
        VALUES ('VERSIONED', 'base', 1, 'BASELINE', NULL, now()), ('VERSIONED', 'cut', 1, 'RUNNING', sha256('other'), now()),
            ('REPEATABLE', 'again', 1, 'APPLIED', sha256('other'), now())");
    assert_eq!(migrate(&mut client, &path, "base"), ["ALREADY_APPLIED", "0", ""]);
    assert_eq!(migrate(&mut client, &path, "cut"), ["APPLIED", "1", ""], "one that was interrupted may run again");
    assert_eq!(states(&mut client, "cut"), "RUNNING RUNNING APPLIED");
    let again =
        "SELECT o_status FROM script_tracking.start_migration('again', 'R__again.sql', sha256('new'), 'REPEATABLE')";
    assert_eq!(value(&mut client, again), "RUNNING", "a repeatable one runs when it changed");
    let finish = "SELECT o_objects_affected FROM script_tracking.finish_migration('again', clock_timestamp(), NULL, NULL, 'REPEATABLE')";
    assert_eq!(value(&mut client, finish), "0");
    assert_eq!(value(&mut client, again), "ALREADY_APPLIED");
    refused(&mut client, finish, &SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE);
}
