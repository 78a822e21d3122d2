//! run_migration_enterprise: what it runs, what it answers, what it leaves.

use opledger_testkit_postgres::Database;
use postgres::Client;

use crate::support::{installed, rows, run, value};

/// Writes a migration file where the server can read it; gives its path.
pub(crate) fn file(database: &Database<'_>, name: &str, text: impl AsRef<[u8]>) -> String {
    let path = database.server().files_folder().join(format!("{}_{name}", database.name()));
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Runs it; gives status, objects affected and error details.
pub(crate) fn migrate(client: &mut Client, path: &str, version: &str) -> [String; 3] {
    let query = "SELECT migration_status, coalesce(objects_affected::pg_catalog.text, 'NULL'), coalesce(error_details, ''), execution_time_ms
        FROM script_tracking.run_migration_enterprise($1, $2)";
    let row = client.query_one(query, &[&path, &version]).unwrap();
    assert!(row.get::<_, i32>(3) >= 0);
    [row.get(0), row.get(1), row.get(2)]
}

pub(crate) fn states(client: &mut Client, version: &str) -> String {
    let query = format!(
        "SELECT coalesce(string_agg(migration_status, ' ' ORDER BY state_number), '') FROM script_tracking.migration
         WHERE migration_version = '{version}'"
    );
    value(client, &query)
}

fn operations(client: &mut Client) -> Vec<Vec<String>> {
    let query = "SELECT script_name, execution_status, coalesce(error_message, ''), affected_objects::text
        FROM script_tracking.script_execution_s WHERE script_type = 'MIGRATION' AND load_end_date IS NULL ORDER BY version_number";
    rows(client, query)
}

#[test]
fn a_file_is_applied_once() {
    let database = installed();
    let mut client = database.connect().unwrap();
    let text = "CREATE TABLE book (id integer PRIMARY KEY, title text);
        CREATE FUNCTION titles() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM book';
        INSERT INTO book VALUES (1, 'a;b'), (2, $$c'd$$); -- no more";
    let path = file(&database, "V1__book.sql", text);
    assert_eq!(migrate(&mut client, &path, "1"), ["APPLIED", "3", ""]);
    assert_eq!(value(&mut client, "SELECT titles()"), "2");
    let name = format!("Migration 1: {}_V1__book.sql", database.name());
    let recorded = [[&*name, "COMPLETED", "", "{public.book,public.book_pkey,public.titles()}"]];
    assert_eq!(operations(&mut client), recorded);
    let kept = rows(
        &mut client,
        "SELECT m.migration_file, encode(m.checksum, 'hex'), s.metadata->>'checksum', m.applied_by,
            m.execution_time_ms = s.execution_duration_ms, m.error_details, s.metadata->>'migration_version'
        FROM script_tracking.migration m JOIN script_tracking.script_execution_s s USING (script_execution_hk)
        WHERE m.migration_status = 'APPLIED' AND s.load_end_date IS NULL",
    );
    let checksum = value(&mut client, &format!("SELECT encode(sha256(convert_to($m${text}$m$, 'UTF8')), 'hex')"));
    assert_eq!(kept, [[&*path, &checksum, &checksum, "postgres", "t", "NULL", "1"]]);
    for _ in 0..2 {
        assert_eq!(migrate(&mut client, &path, "1"), ["ALREADY_APPLIED", "0", ""]);
    }
    let other = file(&database, "other.sql", "DROP FUNCTION titles()");
    let [status, objects, details] = migrate(&mut client, &other, "1");
    assert_eq!((&*status, &*objects), ("CHECKSUM_MISMATCH", "0"));
    assert!(details.contains(&checksum) && details.contains(&path), "{details}");
    assert_eq!(value(&mut client, "SELECT titles()"), "2");
    assert_eq!(operations(&mut client).len(), 1, "one an executed file");
    assert_eq!(states(&mut client, "1"), "RUNNING APPLIED");
    assert_eq!(migrate(&mut client, &other, "2"), ["APPLIED", "1", ""], "what was dropped counts");
}

#[test]
fn line_endings_and_a_byte_order_mark_change_no_checksum() {
    let database = installed();
    let mut client = database.connect().unwrap();
    let first =
        file(&database, "first.sql", "\u{feff}CREATE TABLE a (x text);\r\nINSERT INTO a VALUES ('1\r\n2');\r\n");
    assert_eq!(migrate(&mut client, &first, "1")[0], "APPLIED");
    assert_eq!(value(&mut client, "SELECT length(x) FROM a"), "4", "but the file runs as it is");
    for (index, text) in [
        "CREATE TABLE a (x text);\nINSERT INTO a VALUES ('1\n2');\n",
        "CREATE TABLE a (x text);\rINSERT INTO a VALUES ('1\r2');\r",
        "\u{feff}CREATE TABLE a (x text);\nINSERT INTO a VALUES ('1\r2');\r\n",
    ]
    .iter()
    .enumerate()
    {
        let path = file(&database, &format!("{index}.sql"), text);
        assert_eq!(migrate(&mut client, &path, "1"), ["ALREADY_APPLIED", "0", ""], "{text:?}");
    }
    let path = file(&database, "last.sql", "CREATE TABLE a (x text);\nINSERT INTO a VALUES ('1\n2');\n\n");
    assert_eq!(migrate(&mut client, &path, "1")[0], "CHECKSUM_MISMATCH");
}

#[test]
fn a_failure_is_undone_and_recorded_and_may_run_again() {
    let database = installed();
    let mut client = database.connect().unwrap();
    let path =
        file(&database, "V1.sql", "CREATE TABLE half (x integer); SELECT 1 / 0; CREATE TABLE whole (x integer);");
    for _ in 0..2 {
        assert_eq!(migrate(&mut client, &path, "1"), ["FAILED", "0", "22012: division by zero"]);
    }
    assert_eq!(value(&mut client, "SELECT to_regclass('half') IS NULL"), "t");
    file(&database, "V1.sql", "CREATE TABLE half (x integer); CREATE TABLE whole (x integer);");
    assert_eq!(migrate(&mut client, &path, "1"), ["APPLIED", "2", ""]);
    assert_eq!(states(&mut client, "1"), "RUNNING FAILED RUNNING FAILED RUNNING APPLIED");
    let outcomes: Vec<[String; 2]> =
        operations(&mut client).into_iter().map(|row| [row[1].clone(), row[2].clone()]).collect();
    let failed = ["FAILED".to_owned(), "22012: division by zero".to_owned()];
    assert_eq!(outcomes, [failed.clone(), failed, ["COMPLETED".to_owned(), String::new()]]);
    let errors = rows(
        &mut client,
        "SELECT error_details, objects_affected FROM script_tracking.migration WHERE migration_status = 'FAILED'",
    );
    assert_eq!(errors, [["22012: division by zero", "0"], ["22012: division by zero", "0"]]);
    for (text, code) in [
        ("CREATE TABLE x (a integer; ", "42601: "),
        ("DO $$ BEGIN ASSERT false, 'no'; END $$", "P0004: no"),
        ("DO $$ BEGIN RAISE EXCEPTION 'not yet' USING ERRCODE = 'XY123'; END $$", "XY123: not yet"),
        ("CREATE TABLE p (x integer PRIMARY KEY); CREATE TABLE c (x integer REFERENCES p DEFERRABLE INITIALLY DEFERRED);
          INSERT INTO c VALUES (1)", "23503: "),
        ("\\i other.sql", "42601: "),
        ("SELECT $1", "42P02: "),
    ] {
        let path = file(&database, "V2.sql", text);
        let answer = migrate(&mut client, &path, "2");
        assert!(answer[0] == "FAILED" && answer[2].starts_with(code), "{text}: {answer:?}");
        assert!(!answer[2].contains("Hint"), "{answer:?}");
    }
}

#[test]
fn what_a_transaction_cannot_hold_fails_with_a_hint() {
    let database = installed();
    let mut client = database.connect().unwrap();
    run(&mut client, "CREATE TABLE t (x integer); CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN COMMIT; END'");
    for (text, code) in [
        ("BEGIN; CREATE TABLE half (x integer); COMMIT;", "0A000"),
        ("CREATE TABLE half (x integer); COMMIT", "0A000"),
        ("CREATE TABLE half (x integer); ROLLBACK", "0A000"),
        ("CREATE TABLE half (x integer); SAVEPOINT s", "0A000"),
        ("CREATE TABLE half (x integer); CREATE INDEX CONCURRENTLY ON t (x)", "25001"),
        ("CREATE TABLE half (x integer); VACUUM t", "25001"),
        ("CREATE TABLE half (x integer); CREATE DATABASE d", "25001"),
        ("CREATE TABLE half (x integer); CALL p()", "2D000"),
        ("CREATE TABLE half (x integer); COPY t FROM STDIN;\n1\n\\.\n", "42601"),
        ("CREATE TABLE half (x integer); COPY t FROM STDIN;", "0A000"),
        ("CREATE TABLE half (x integer); COPY t TO STDOUT;", "0A000"),
    ] {
        let path = file(&database, "V1.sql", text);
        let [status, objects, details] = migrate(&mut client, &path, "1");
        assert_eq!((&*status, &*objects), ("FAILED", "0"), "{text}");
        assert!(details.starts_with(&format!("{code}: ")), "{text}: {details}");
        assert!(details.contains("opledger migrate"), "{text}: {details}");
        assert_eq!(value(&mut client, "SELECT to_regclass('half') IS NULL"), "t", "{text}");
    }
    let path = file(&database, "V1.sql", "CREATE TABLE half (x integer)");
    assert_eq!(migrate(&mut client, &path, "1")[0], "APPLIED");
}

#[test]
fn texts_of_every_kind_run() {
    let database = installed();
    let mut client = database.connect().unwrap();
    let texts = [
        "",
        "-- a comment",
        "/* a comment */ -- and no more",
        ";;;",
        "SELECT 1",
        "SELECT 1 AS x INTO last_is_into",
        "CREATE TABLE as_select AS SELECT 'BEGIN; COMMIT; VACUUM' AS x",
        "DO $do$ BEGIN EXECUTE 'CREATE TABLE by_do (x text)'; EXCEPTION WHEN OTHERS THEN RAISE; END $do$;",
        "CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $f$ BEGIN RETURN $x$;COMMIT;$x$; END $f$; SELECT f();",
        "PREPARE q AS SELECT 1; EXECUTE q; DEALLOCATE q; DECLARE c CURSOR FOR SELECT 1; FETCH c; LISTEN x; NOTIFY x;",
        "SET LOCAL statement_timeout = '1min'; CREATE TEMP TABLE t (x text) ON COMMIT DROP; INSERT INTO t VALUES ('é');",
        "CREATE MATERIALIZED VIEW mv AS SELECT 1; REFRESH MATERIALIZED VIEW mv; COMMENT ON MATERIALIZED VIEW mv IS 'x'; DROP MATERIALIZED VIEW mv",
    ];
    for (index, text) in texts.iter().enumerate() {
        let path = file(&database, "any.sql", text);
        assert_eq!(migrate(&mut client, &path, &index.to_string())[0], "APPLIED", "{text}");
    }
    assert_eq!(value(&mut client, "SELECT x FROM last_is_into"), "1");
    assert_eq!(operations(&mut client).len(), texts.len());
    let long = format!("CREATE TABLE big (x text);\n{}", "INSERT INTO big VALUES ('0123456789');\n".repeat(20_000));
    let path = file(&database, "long.sql", long);
    assert_eq!(migrate(&mut client, &path, "long"), ["APPLIED", "1", ""]);
    assert_eq!(value(&mut client, "SELECT count(*) FROM big"), "20000");
}

#[test]
fn it_runs_on_the_callers_search_path_and_leaves_the_session_as_it_was() {
    let database = installed();
    let mut client = database.connect().unwrap();
    run(&mut client, "CREATE SCHEMA app; CREATE SCHEMA other; CREATE ROLE builder_of_app; GRANT CREATE, USAGE ON SCHEMA app TO builder_of_app;
        SET search_path = app, public");
    let path = file(&database, "V1.sql", "CREATE TABLE here (x integer); INSERT INTO here VALUES (1)");
    assert_eq!(migrate(&mut client, &path, "1"), ["APPLIED", "1", ""]);
    assert_eq!(value(&mut client, "SELECT count(*) FROM app.here"), "1");
    let who =
        "SELECT concat_ws(' ', session_user, current_user, current_setting('role'), current_setting('search_path'))";
    let before = value(&mut client, who);
    for (index, text) in [
        "SET search_path = other; CREATE TABLE there (x integer)",
        "SET LOCAL search_path = other; CREATE TABLE there (x integer)",
        "SELECT pg_catalog.set_config('search_path', '', false); CREATE TABLE other.there (x integer)",
        "SET ROLE builder_of_app; CREATE TABLE app.there (x integer)",
        "SET SESSION AUTHORIZATION builder_of_app; CREATE TABLE app.there (x integer)",
        "SET search_path = other; SET ROLE builder_of_app; CREATE TABLE app.there (x integer); SELECT 1 / 0",
    ]
    .iter()
    .enumerate()
    {
        let path = file(&database, "V2.sql", text);
        let expected = if text.contains("1 / 0") { "FAILED" } else { "APPLIED" };
        assert_eq!(migrate(&mut client, &path, &format!("there {index}"))[0], expected, "{text}");
        assert_eq!(value(&mut client, who), before, "{text}");
        let made =
            value(&mut client, "SELECT coalesce(to_regclass('other.there'), to_regclass('app.there')) IS NOT NULL");
        assert_eq!(made == "t", expected == "APPLIED", "{text}");
        run(&mut client, "DROP TABLE IF EXISTS other.there, app.there");
    }
    let by: Vec<Vec<String>> = rows(&mut client, "SELECT DISTINCT applied_by FROM script_tracking.migration");
    assert_eq!(by, [["postgres"]]);
}
