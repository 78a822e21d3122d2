//! `doctor` on good installations, and on ones broken in each way that it claims to find.

use opledger_testkit_postgres::{Database, Server};
use serde_json::Value;

use crate::common::text;
use crate::support::{count, empty, installed, rows, schema, schema_as};

fn row(rows: &[Value], check: &str) -> Value {
    rows.iter().find(|row| row["check"] == check).unwrap_or_else(|| panic!("{check}: {rows:?}")).clone()
}

/// What is not OK.
fn complaints(rows: &[Value]) -> Vec<&str> {
    rows.iter().filter(|row| row["status"] != "OK").map(|row| text(row, "check")).collect()
}

#[test]
fn a_good_installation_is_proven_and_nothing_stays() {
    let database = installed();
    for user in ["postgres", "admin", "writer"] {
        let answer = schema_as(&database, user, "doctor", &[]);
        let rows = rows(&answer);
        assert_eq!((answer.code, complaints(&rows)), (0, vec![]), "{user}: {}", answer.out);
        assert_eq!(rows.len(), 17);
        assert!(text(&row(&rows, "canary"), "details").contains("rolled back"));
    }
    assert_eq!(count(&database, "script_tracking.script_execution_h"), 0);
    assert_eq!(count(&database, "script_tracking.script_execution_s"), 0);
}

#[test]
fn a_reader_is_told_what_it_can_not_prove() {
    let answer = schema_as(&installed(), "reader", "doctor", &[]);
    assert_eq!((answer.code, complaints(&rows(&answer))), (0, vec!["canary"]), "{}", answer.out);
}

#[test]
fn a_login_without_a_role_fails() {
    let answer = schema_as(&installed(), "nobody", "doctor", &[]);
    assert_eq!((answer.code, complaints(&rows(&answer))), (1, vec!["schema"]), "{}", answer.out);
    assert!(answer.out.contains("GRANT script_tracking_reader"), "{}", answer.out);
}

/// What breaks it; which checks complain; how; a word of the details; whether an upgrade mends it.
type Case = (&'static str, &'static [&'static str], &'static str, &'static str, bool);

const CASES: [Case; 22] = [
    ("ALTER EVENT TRIGGER et_sql_drop DISABLE", &["event_triggers"], "FAILED", "disabled: et_sql_drop", false),
    ("ALTER EVENT TRIGGER et_sql_drop ENABLE", &["event_triggers"], "FAILED", "not enabled ALWAYS", false),
    ("DROP EVENT TRIGGER et_ddl_command_end", &["event_triggers"], "FAILED", "gone: et_ddl_command_end", true),
    ("GRANT EXECUTE ON FUNCTION script_tracking.cleanup_old_data(integer) TO PUBLIC", &["grants"], "FAILED", "cleanup_old_data(integer) to PUBLIC", true),
    ("GRANT INSERT ON script_tracking.script_execution_s TO script_tracking_writer", &["grants"], "FAILED", "INSERT on script_tracking.script_execution_s to script_tracking_writer", false),
    ("GRANT SELECT ON script_tracking.setting TO PUBLIC", &["grants"], "FAILED", "SELECT on script_tracking.setting to PUBLIC", false),
    ("GRANT CREATE ON SCHEMA script_tracking TO script_tracking_writer", &["grants"], "FAILED", "CREATE on schema script_tracking", false),
    ("CREATE OR REPLACE FUNCTION script_tracking.session_is_admin() RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER
        PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN true; END'", &["functions"], "FAILED", "script_tracking.session_is_admin is another", true),
    ("ALTER FUNCTION script_tracking.get_recent_errors(integer) SECURITY INVOKER", &["functions"], "FAILED", "get_recent_errors is another", true),
    ("DROP FUNCTION script_tracking.get_recent_errors(integer)", &["functions"], "FAILED", "get_recent_errors is missing", true),
    ("CREATE FUNCTION script_tracking.spy() RETURNS int LANGUAGE sql AS 'SELECT 1'", &["functions"], "FAILED", "script_tracking.spy() is none of ours", false),
    ("ALTER FUNCTION script_tracking.track_operation(varchar, varchar) RESET search_path", &["search_path"], "FAILED", "track_operation", true),
    ("ALTER FUNCTION util.hash_binary(text) RESET search_path", &["search_path"], "FAILED", "util.hash_binary(text)", true),
    ("ALTER TABLE script_tracking.script_execution_s NO FORCE ROW LEVEL SECURITY", &["row_security"], "FAILED", "script_execution_s", true),
    ("DROP POLICY everyone ON script_tracking.capture_failure", &["row_security"], "FAILED", "capture_failure", true),
    ("ALTER FUNCTION script_tracking.track_operation(varchar, varchar) OWNER TO postgres", &["owner"], "FAILED", "belongs to postgres", false),
    ("UPDATE script_tracking.installed_file SET checksum = '\\x00' WHERE file = 'functions/verify.sql'", &["files"], "FAILED", "functions/verify.sql", true),
    ("DELETE FROM script_tracking.schema_version", &["schema"], "FAILED", "version 0", true),
    ("INSERT INTO script_tracking.schema_version VALUES (9999)", &["schema"], "FAILED", "version 9999", false),
    ("ALTER TABLE script_tracking.setting DISABLE TRIGGER record_change", &["table_triggers"], "FAILED", "setting", false),
    ("SELECT script_tracking.set_capture('schema', 'staging', false)", &["capture_rules"], "WARNING", "schema staging", false),
    ("INSERT INTO script_tracking.capture_failure (event, tag, sqlstate) VALUES ('ddl_command_end', 'CREATE TABLE', 'XX000')", &["capture_failures"], "FAILED", "1 DDL command", false),
];

#[test]
fn each_damage_is_found_by_its_check_alone() {
    for (damage, checks, status, words, mended) in CASES {
        let database = installed();
        database.connect().unwrap().batch_execute(damage).unwrap();
        let answer = schema(&database, "doctor", &[]);
        let found = rows(&answer);
        assert_eq!(complaints(&found), checks, "{damage}: {}", answer.out);
        let complaint = row(&found, checks[0]);
        assert_eq!(text(&complaint, "status"), status, "{damage}");
        assert!(text(&complaint, "details").contains(words), "{damage}: {complaint}");
        assert!(!text(&complaint, "advice").is_empty());
        assert_eq!(answer.code, i32::from(status == "FAILED"), "{damage}");
        if mended {
            assert_eq!(schema(&database, "upgrade", &[]).code, 0, "{damage}");
            let answer = schema(&database, "doctor", &[]);
            assert_eq!((answer.code, complaints(&rows(&answer))), (0, vec![]), "{damage}: {}", answer.out);
        }
    }
}

#[test]
fn hashes_that_are_not_those_of_the_rows_are_found_by_the_canary() {
    let database = installed();
    let broken = "CREATE OR REPLACE FUNCTION script_tracking.calculate_hash_diff(s script_tracking.script_execution_s) RETURNS bytea
        LANGUAGE sql IMMUTABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ SELECT ''::bytea $$";
    break_as_declared(&database, broken);
    let answer = schema(&database, "doctor", &[]);
    let found = rows(&answer);
    assert_eq!((answer.code, complaints(&found)), (1, vec!["functions", "canary"]), "{}", answer.out);
    assert!(text(&row(&found, "canary"), "details").contains("hash_diff"), "{}", answer.out);
    // The change of the function is an operation; what the canary wrote is gone.
    assert_eq!(count(&database, "script_tracking.script_execution_s WHERE script_name = 'opledger doctor'"), 0);
}

/// Replaces a function, under whatever name its argument has.
fn break_as_declared(database: &Database<'_>, sql: &str) {
    let mut client = database.connect().unwrap();
    let name: String = client
        .query_one("SELECT proargnames[1] FROM pg_proc WHERE proname = 'calculate_hash_diff'", &[])
        .unwrap()
        .get::<_, Option<String>>(0)
        .unwrap_or_default();
    client.batch_execute(&sql.replacen("(s ", &format!("({name} "), 1)).unwrap();
}

/// A server of its own: roles are the cluster's.
#[test]
fn an_owner_with_rights_of_its_own_and_a_login_that_row_security_does_not_bind() {
    let server = Server::start().unwrap();
    let database = server.create_database().unwrap();
    assert_eq!(schema(&database, "install", &[]).code, 0);
    let mut client = database.connect().unwrap();
    client.batch_execute("CREATE ROLE backup LOGIN BYPASSRLS IN ROLE script_tracking_writer").unwrap();
    let answer = schema_as(&database, "backup", "doctor", &[]);
    assert_eq!((answer.code, complaints(&rows(&answer))), (0, vec!["login"]), "{}", answer.out);
    client.batch_execute("ALTER ROLE script_tracking_owner BYPASSRLS").unwrap();
    let answer = schema(&database, "doctor", &[]);
    assert_eq!((answer.code, complaints(&rows(&answer))), (1, vec!["owner"]), "{}", answer.out);
}

#[test]
fn without_a_schema_there_is_nothing_more_to_look_at() {
    let answer = schema(&empty(), "doctor", &[]);
    assert_eq!((answer.code, complaints(&rows(&answer))), (1, vec!["schema"]), "{}", answer.out);
}
