//! track_operation, complete_operation, annotate_operation, start_operation: one caller at a time.

use postgres::error::SqlState;

use crate::support::{installed, refused, rows, run, value};

/// Breaks of the rules of hub and satellite; none is what every test ends with.
pub(crate) const FAULTS: &str = "SELECT * FROM script_tracking.find_faults()";

#[test]
fn a_thousand_pairs_in_one_transaction() {
    let database = installed();
    let mut writer = database.connect_as("writer").unwrap();
    run(&mut writer, "BEGIN");
    for _ in 0..1000 {
        let done = "SELECT script_tracking.complete_operation(script_tracking.track_operation('in one transaction'))";
        assert_eq!(value(&mut writer, done), "t");
    }
    run(&mut writer, "COMMIT");
    let shape = "SELECT count(DISTINCT h.script_execution_hk), count(*), count(*) FILTER (WHERE load_end_date IS NULL),
        count(*) FILTER (WHERE execution_status = 'COMPLETED' AND load_end_date IS NULL)
        FROM script_tracking.script_execution_h h JOIN script_tracking.script_execution_s s USING (script_execution_hk)";
    assert_eq!(rows(&mut writer, shape), [["1000", "2000", "1000", "1000"]]);
    assert!(rows(&mut writer, FAULTS).is_empty());
}

#[test]
fn a_start_says_who_where_and_when() {
    let database = installed();
    let mut writer = database.connect_as("writer").unwrap();
    run(&mut writer, "SELECT script_tracking.track_operation('Nightly backup', 'BACKUP')");
    let query = "SELECT s.script_name, s.script_type, s.execution_status, s.db_session_user, s.client_ip, s.record_source,
            s.execution_duration_ms, s.load_end_date, s.execution_timestamp = s.load_date, h.load_date = s.load_date,
            s.script_execution_hk = script_tracking.calculate_hash_key(h.script_execution_bk),
            h.script_execution_bk ~ '^Nightly backup_\\d{4}-\\d\\d-\\d\\d_\\d\\d:\\d\\d:\\d\\d\\.\\d{6}_[0-9a-f]{6}$',
            clock_timestamp() - s.execution_timestamp < interval '1 minute', s.log_xid = h.log_xid
        FROM script_tracking.script_execution_s s JOIN script_tracking.script_execution_h h USING (script_execution_hk)";
    let expected =
        ["Nightly backup", "BACKUP", "RUNNING", "writer", "NULL", "sql", "NULL", "NULL", "t", "t", "t", "t", "t", "t"];
    assert_eq!(rows(&mut writer, query), [expected]);
}

#[test]
fn durations_are_true_inside_one_transaction() {
    let database = installed();
    let mut writer = database.connect_as("writer").unwrap();
    run(&mut writer, "BEGIN; CREATE TEMP TABLE hk AS SELECT script_tracking.track_operation('slow') AS hk");
    run(&mut writer, "SELECT pg_sleep(0.12); SELECT script_tracking.complete_operation(hk) FROM hk; COMMIT");
    let query = "SELECT execution_duration_ms BETWEEN 120 AND 10000 FROM script_tracking.current_executions";
    assert_eq!(value(&mut writer, query), "t");
}

#[test]
fn an_operation_ends_once() {
    let database = installed();
    let mut writer = database.connect_as("writer").unwrap();
    let hk = value(&mut writer, "SELECT script_tracking.track_operation('once')");
    let fail = format!("SELECT script_tracking.complete_operation('{hk}', false, 'disk full')");
    assert_eq!(value(&mut writer, &fail), "t");
    assert_eq!(value(&mut writer, &format!("SELECT script_tracking.complete_operation('{hk}')")), "f");
    assert_eq!(value(&mut writer, &fail), "f");
    assert_eq!(value(&mut writer, &format!("SELECT script_tracking.annotate_operation('{hk}', '{{\"a\": 1}}')")), "f");
    let query = "SELECT execution_status, error_message, load_end_date IS NULL FROM script_tracking.script_execution_s ORDER BY load_date";
    assert_eq!(rows(&mut writer, query), [["RUNNING", "NULL", "f"], ["FAILED", "disk full", "t"]]);
}

#[test]
fn unknown_operations_are_false() {
    let database = installed();
    let mut writer = database.connect_as("writer").unwrap();
    for hk in ["", "\\x00", "\\xffff", "it''s; DROP TABLE x; $$"] {
        let literal = if hk.starts_with('\\') || hk.is_empty() {
            format!("'{hk}'::bytea")
        } else {
            format!("convert_to('{hk}', 'UTF8')")
        };
        assert_eq!(value(&mut writer, &format!("SELECT script_tracking.complete_operation({literal})")), "f");
        assert_eq!(value(&mut writer, &format!("SELECT script_tracking.annotate_operation({literal}, '{{}}')")), "f");
    }
    assert_eq!(value(&mut writer, "SELECT count(*) FROM script_tracking.script_execution_s"), "0");
}

#[test]
fn any_name_is_kept_to_the_letter() {
    let database = installed();
    let mut writer = database.connect_as("writer").unwrap();
    let names = [
        "it's",
        "a; DROP TABLE x; --",
        "$$ $tag$ %s %I",
        "\"quoted\" \\ back",
        "  spaces  ",
        "\u{1F680}\u{0301}\n\t",
        &"\u{1F600}".repeat(255),
    ];
    for name in names {
        let hk: Vec<u8> = writer.query_one("SELECT script_tracking.track_operation($1)", &[&name]).unwrap().get(0);
        writer.query_one("SELECT script_tracking.complete_operation($1, false, $2)", &[&hk, &name]).unwrap();
        let query =
            "SELECT script_name, error_message FROM script_tracking.current_executions WHERE script_execution_hk = $1";
        let row = writer.query_one(query, &[&hk]).unwrap();
        assert_eq!((row.get::<_, &str>(0), row.get::<_, &str>(1)), (name, name));
    }
    assert!(rows(&mut writer, FAULTS).is_empty());
}

#[test]
fn bad_input_names_the_field_and_changes_nothing() {
    let database = installed();
    let mut writer = database.connect_as("writer").unwrap();
    let too_long = &SqlState::STRING_DATA_RIGHT_TRUNCATION;
    let null = &SqlState::NULL_VALUE_NOT_ALLOWED;
    let invalid = &SqlState::INVALID_PARAMETER_VALUE;
    let cases = [
        ("track_operation(repeat('x', 256))", too_long, "p_script_name is 256 characters long; the limit is 255"),
        // A varchar cast would drop these spaces silently.
        ("track_operation(repeat('x', 255) || ' ')", too_long, "p_script_name is 256"),
        ("track_operation('x', repeat('t', 51))", too_long, "p_script_type is 51 characters long; the limit is 50"),
        ("track_operation(NULL)", null, "p_script_name must not be NULL"),
        ("track_operation('x', NULL)", null, "p_script_type must not be NULL"),
        ("track_operation('')", invalid, "p_script_name must not be empty"),
        ("track_operation('x', '')", invalid, "p_script_type"),
        ("track_operation('x', 'OVERALL')", invalid, "OVERALL"),
        ("complete_operation(NULL)", null, "p_execution_hk must not be NULL"),
        ("complete_operation('\\x00', NULL)", null, "p_success must not be NULL"),
        ("complete_operation('\\x00', true, repeat('x', 1048577))", too_long, "p_error_message is 1048577 bytes long"),
        ("annotate_operation(NULL)", null, "p_execution_hk"),
        ("annotate_operation('\\x00', '[]')", invalid, "JSON object, not a JSON array"),
        ("start_operation(repeat('x', 256))", too_long, "p_script_name is 256"),
        ("start_operation('x', p_affected_objects => '{{a,b},{c,d}}')", invalid, "2 dimensions"),
        (
            "start_operation('x', p_affected_objects => array_fill('o'::text, '{10001}'))",
            too_long,
            "10001 entries; the limit is 10000",
        ),
        (
            "start_operation('x', p_affected_objects => ARRAY[repeat('o', 1048577)])",
            too_long,
            "p_affected_objects is 1048577 bytes",
        ),
        ("start_operation('x', p_sql_command => repeat('s', 1048577))", too_long, "p_sql_command is 1048577 bytes"),
        ("start_operation('x', p_metadata => jsonb_build_object('k', repeat('m', 1048577)))", invalid, "p_metadata is"),
        ("start_operation('x', p_metadata => '1')", invalid, "JSON number"),
        (
            "start_operation('x', p_metadata => ('{\"a\":' || repeat('[', 128) || repeat(']', 128) || '}')::jsonb)",
            &SqlState::STATEMENT_TOO_COMPLEX,
            "128 levels",
        ),
        ("start_operation('x', p_idempotency_key => '')", invalid, "p_idempotency_key"),
        ("start_operation('x', p_idempotency_key => repeat('k', 256))", too_long, "p_idempotency_key is 256"),
        ("record_operation('x', p_duration_ms => -1)", invalid, "p_duration_ms must not be negative"),
        ("record_operation('x', p_execution_timestamp => 'infinity')", invalid, "p_execution_timestamp must be finite"),
        ("record_operation('x', p_success => NULL)", null, "p_success"),
        ("record_operations(NULL)", null, "p_script_names"),
        (
            "record_operations('{a,b}', p_success => '{true}')",
            &SqlState::ARRAY_ELEMENT_ERROR,
            "p_success has 1 entries, p_script_names 2",
        ),
        ("record_operations(ARRAY['a', repeat('x', 256)])", too_long, "p_script_name is 256"),
        (
            "generate_unique_script_name(repeat('x', 201))",
            too_long,
            "p_base_name is 201 characters long; the limit is 200",
        ),
        ("generate_unique_script_name(NULL)", null, "p_base_name"),
        ("calculate_hash_key(repeat('x', 256))", too_long, "p_business_key is 256"),
        ("calculate_hash_key(NULL)", null, "p_business_key"),
    ];
    for (call, code, words) in cases {
        let message = refused(&mut writer, &format!("SELECT script_tracking.{call}"), code);
        assert!(message.contains(words), "{call}: {message}");
    }
    let left = "SELECT (SELECT count(*) FROM script_tracking.script_execution_h) + (SELECT count(*) FROM script_tracking.script_execution_s)";
    assert_eq!(value(&mut writer, left), "0");
}

#[test]
fn limits_themselves_are_allowed() {
    let database = installed();
    let mut writer = database.connect_as("writer").unwrap();
    for call in [
        "track_operation(repeat('x', 255), repeat('t', 50))",
        "start_operation('x', p_metadata => ('{\"a\":' || repeat('[', 127) || repeat(']', 127) || '}')::jsonb)",
        "start_operation('x', p_metadata => ('{\"' || repeat('[{', 300) || '\": [\"' || repeat(']', 900) || '\\\\\\\"\"]}')::jsonb)",
        "start_operation('x', p_affected_objects => array_fill('o'::text, '{10000}'))",
        "generate_unique_script_name(repeat('x', 200))",
    ] {
        value(&mut writer, &format!("SELECT script_tracking.{call}"));
    }
    assert_eq!(
        value(&mut writer, "SELECT length(script_tracking.generate_unique_script_name(repeat('x', 200)))"),
        "234"
    );
    assert!(rows(&mut writer, FAULTS).is_empty());
}

#[test]
fn annotations_merge_and_append() {
    let database = installed();
    let mut writer = database.connect_as("writer").unwrap();
    let start = "SELECT script_tracking.start_operation('load', 'ETL', '{a,NULL,b}', 'COPY t', '{\"rows\": 1, \"host\": \"db1\"}')";
    let hk = value(&mut writer, start);
    let annotate = |arguments: &str| format!("SELECT script_tracking.annotate_operation('{hk}', {arguments})");
    assert_eq!(value(&mut writer, &annotate("'{\"rows\": 2}', '{c,b,c,d}', 'COPY u'")), "t");
    let state = "SELECT metadata, affected_objects, sql_command FROM script_tracking.current_executions";
    assert_eq!(rows(&mut writer, state), [["{\"host\": \"db1\", \"rows\": 2}", "{a,NULL,b,c,d}", "COPY u"]]);
    // Nothing new: no version. A, B, A: three versions.
    assert_eq!(value(&mut writer, &annotate("'{\"rows\": 2}', '{d,a}'")), "t");
    assert_eq!(value(&mut writer, &annotate("NULL")), "t");
    assert_eq!(value(&mut writer, "SELECT count(*) FROM script_tracking.script_execution_s"), "2");
    assert_eq!(value(&mut writer, &annotate("'{\"rows\": 3}'")), "t");
    assert_eq!(value(&mut writer, &annotate("'{\"rows\": 2}'")), "t");
    assert_eq!(value(&mut writer, "SELECT count(*) FROM script_tracking.script_execution_s"), "4");
    value(&mut writer, &format!("SELECT script_tracking.complete_operation('{hk}')"));
    assert_eq!(rows(&mut writer, state), [["{\"host\": \"db1\", \"rows\": 2}", "{a,NULL,b,c,d}", "COPY u"]]);
    assert!(rows(&mut writer, FAULTS).is_empty());
}

#[test]
fn a_version_tells_who_wrote_it() {
    let database = installed();
    let mut writer = database.connect_as("writer").unwrap();
    let hk = value(&mut writer, "SELECT script_tracking.track_operation('shared')");
    let mut admin = database.connect_as("admin").unwrap();
    value(&mut admin, &format!("SELECT script_tracking.complete_operation('{hk}')"));
    let query = "SELECT execution_status, db_session_user, recorded_by FROM script_tracking.script_execution_s ORDER BY load_date";
    assert_eq!(rows(&mut writer, query), [["RUNNING", "writer", "NULL"], ["COMPLETED", "writer", "admin"]]);
}

#[test]
fn a_key_makes_a_retry_safe() {
    let database = installed();
    let mut acme = database.connect_as("acme").unwrap();
    let start =
        "SELECT script_tracking.start_operation('load', p_metadata => '{\"a\": 1}', p_idempotency_key => 'job 7')";
    let hk = value(&mut acme, start);
    assert_eq!(value(&mut acme, start), hk);
    let other =
        "SELECT script_tracking.start_operation('load', p_metadata => '{\"a\": 2}', p_idempotency_key => 'job 7')";
    let message = refused(&mut acme, other, &SqlState::UNIQUE_VIOLATION);
    assert!(message.contains("job 7") && message.contains(&hk[2..]), "{message}");
    // Recording is another content than starting; another tenant's key is another key.
    refused(
        &mut acme,
        "SELECT script_tracking.record_operation('load', p_idempotency_key => 'job 7')",
        &SqlState::UNIQUE_VIOLATION,
    );
    assert_ne!(value(&mut database.connect_as("globex").unwrap(), start), hk);
    assert_ne!(value(&mut database.connect_as("writer").unwrap(), start), hk);
    assert_eq!(value(&mut acme, "SELECT count(*) FROM script_tracking.script_execution_s"), "1");
}

#[test]
fn a_finished_operation_in_one_call() {
    let database = installed();
    let mut writer = database.connect_as("writer").unwrap();
    let record = "SELECT script_tracking.record_operation('import', 'ETL', '2024-01-15 14:30:25.123456Z', 1500, false, 'no space',
        '{t}', 'COPY t', '{\"rows\": 5}', 'import 1')";
    let hk = value(&mut writer, record);
    assert_eq!(value(&mut writer, record), hk);
    let query = "SELECT execution_status, execution_timestamp = '2024-01-15 14:30:25.123456Z', execution_duration_ms, error_message,
        affected_objects, sql_command, metadata, load_end_date IS NULL FROM script_tracking.script_execution_s ORDER BY load_date";
    let meta = "{\"rows\": 5}";
    assert_eq!(
        rows(&mut writer, query),
        [
            ["RUNNING", "t", "NULL", "NULL", "{t}", "COPY t", meta, "f"],
            ["FAILED", "t", "1500", "no space", "{t}", "COPY t", meta, "t"]
        ]
    );
    let key = "SELECT script_execution_bk FROM script_tracking.script_execution_h";
    assert!(value(&mut writer, key).starts_with("import_2024-01-15_14:30:25.123456_"));
    run(&mut writer, "SELECT script_tracking.record_operation('now')");
    assert!(rows(&mut writer, FAULTS).is_empty());
}

#[test]
fn many_finished_operations_in_one_call() {
    let database = installed();
    let mut writer = database.connect_as("writer").unwrap();
    run(&mut writer, "SELECT script_tracking.record_operation('other content', p_idempotency_key => 'taken')");
    let call =
        "SELECT place, script_execution_hk IS NOT NULL, conflict IS NOT NULL FROM script_tracking.record_operations(
        '{a,b,c,d}', '{BACKUP,NULL,X,X}', NULL, '{1,2,NULL,4}', '{true,false,NULL,true}', '{NULL,bad,NULL,NULL}',
        p_idempotency_keys => '{NULL,NULL,taken,fresh}')";
    let expected = [["1", "t", "f"], ["2", "t", "f"], ["3", "f", "t"], ["4", "t", "f"]];
    assert_eq!(rows(&mut writer, call), expected, "a conflict fails its own place only");
    let query =
        "SELECT script_name, script_type, execution_status, error_message FROM script_tracking.current_executions
        WHERE script_name IN ('a', 'b', 'c', 'd') ORDER BY script_name";
    assert_eq!(
        rows(&mut writer, query),
        [["a", "BACKUP", "COMPLETED", "NULL"], ["b", "MANUAL", "FAILED", "bad"], ["d", "X", "COMPLETED", "NULL"]]
    );
    assert!(rows(&mut writer, FAULTS).is_empty());
}

#[test]
fn load_dates_rise_whatever_the_clock_does() {
    let database = installed();
    let mut writer = database.connect_as("writer").unwrap();
    let hk = value(&mut writer, "SELECT script_tracking.track_operation('from the future')");
    // The clock went back by a day since the start: what the superuser writes here is what that looks like.
    let mut superuser = database.connect().unwrap();
    run(
        &mut superuser,
        "UPDATE script_tracking.script_execution_s s SET load_date = load_date + interval '1 day',
        execution_timestamp = execution_timestamp + interval '1 day'",
    );
    run(
        &mut superuser,
        "UPDATE script_tracking.script_execution_s s SET hash_diff = script_tracking.calculate_hash_diff(s)",
    );
    assert_eq!(value(&mut writer, &format!("SELECT script_tracking.complete_operation('{hk}')")), "t");
    let query = "SELECT execution_duration_ms, load_date - lag(load_date) OVER (ORDER BY load_date) FROM script_tracking.script_execution_s
        ORDER BY load_date DESC LIMIT 1";
    assert_eq!(rows(&mut writer, query), [["0", "00:00:00.000001"]]);
    assert!(rows(&mut writer, FAULTS).is_empty());
}

#[test]
fn a_duration_stays_at_what_the_column_holds() {
    let database = installed();
    let mut writer = database.connect_as("writer").unwrap();
    let hk = value(&mut writer, "SELECT script_tracking.track_operation('long ago')");
    let mut superuser = database.connect().unwrap();
    run(&mut superuser, "UPDATE script_tracking.script_execution_s SET execution_timestamp = '1970-01-01 00:00Z'");
    run(
        &mut superuser,
        "UPDATE script_tracking.script_execution_s s SET hash_diff = script_tracking.calculate_hash_diff(s)",
    );
    value(&mut writer, &format!("SELECT script_tracking.complete_operation('{hk}')"));
    let query = "SELECT execution_duration_ms FROM script_tracking.current_executions";
    assert_eq!(value(&mut writer, query), "2147483647");
    run(&mut writer, "SELECT script_tracking.record_operation('older', p_execution_timestamp => '1950-01-01 00:00Z')");
    let query = "SELECT execution_duration_ms FROM script_tracking.current_executions WHERE script_name = 'older'";
    assert_eq!(value(&mut writer, query), "2147483647");
}

#[test]
fn the_audit_log_hears_of_completions_and_breaks_none() {
    let database = installed();
    let mut admin = database.connect_as("admin").unwrap();
    let mut writer = database.connect_as("writer").unwrap();
    let pair = "SELECT script_tracking.complete_operation(script_tracking.track_operation('audited'), false, 'why')";
    assert_eq!(value(&mut writer, pair), "t");
    assert_eq!(value(&mut admin, "SELECT count(*) FROM util.audit_event"), "0");
    run(&mut admin, "SELECT script_tracking.set_setting('audit_log', 'on')");
    assert_eq!(value(&mut writer, pair), "t");
    let query = "SELECT event_type, resource_type, actor, event_details->>'script_name' FROM util.audit_event ORDER BY audit_event_id";
    assert_eq!(rows(&mut admin, query), [["OPERATION_FAILED", "script_execution", "writer", "audited"]]);
    // Logins, migrations, DDL and what was recorded at its end went unheard.
    let mut superuser = database.connect().unwrap();
    run(&mut superuser, "DELETE FROM util.audit_event; SELECT auth.register_tenant('heard')");
    run(
        &mut superuser,
        "SELECT auth.login_user_tracking('nobody@example.org', 'wrong password', script_tracking.calculate_hash_key('heard'));
        SELECT script_tracking.start_migration('1', '1.sql', sha256('')), script_tracking.finish_migration('1', clock_timestamp());
        SELECT script_tracking.record_operation('recorded', p_success => false);
        CREATE TABLE ddl_heard ()",
    );
    run(&mut superuser, "CREATE INDEX CONCURRENTLY ON ddl_heard ((1))");
    let heard: Vec<Vec<String>> = rows(&mut admin, &query.replace("resource_type, actor", "actor"));
    let expected = [
        ["OPERATION_FAILED", "postgres", "User login"],
        ["OPERATION_COMPLETED", "postgres", "Migration 1: 1.sql"],
        ["OPERATION_FAILED", "postgres", "recorded"],
        ["OPERATION_COMPLETED", "postgres", "CREATE TABLE"],
        ["OPERATION_COMPLETED", "postgres", "CREATE INDEX"],
    ];
    assert_eq!(heard, expected);
    run(
        &mut superuser,
        "DELETE FROM util.audit_event WHERE event_type = 'OPERATION_COMPLETED' OR event_details->>'script_name' <> 'recorded'",
    );
    run(&mut database.connect().unwrap(), "ALTER TABLE util.audit_event ADD CHECK (actor = 'nobody') NOT VALID");
    assert_eq!(value(&mut writer, pair), "t", "a log that fails is no failure of the caller");
    assert_eq!(value(&mut admin, "SELECT count(*) FROM util.audit_event"), "1");
}

#[test]
fn settings_are_checked_and_their_changes_recorded() {
    let database = installed();
    let mut admin = database.connect_as("admin").unwrap();
    refused(&mut admin, "SELECT script_tracking.set_setting('nonsense', 'on')", &SqlState::INVALID_PARAMETER_VALUE);
    let message = refused(
        &mut admin,
        "SELECT script_tracking.set_setting('audit_log', 'maybe')",
        &SqlState::INVALID_PARAMETER_VALUE,
    );
    assert!(message.contains("on, off"), "{message}");
    refused(&mut admin, "SELECT script_tracking.set_setting('audit_log', NULL)", &SqlState::NULL_VALUE_NOT_ALLOWED);
    let changes =
        "SELECT count(*) FROM script_tracking.setting_change WHERE table_name = 'setting' AND old_row IS NOT NULL";
    assert_eq!(value(&mut admin, changes), "0");
    run(&mut admin, "SELECT script_tracking.set_setting('audit_log', 'on')");
    run(&mut admin, "SELECT script_tracking.set_setting('audit_log', 'on')");
    assert_eq!(value(&mut admin, "SELECT script_tracking.get_setting('audit_log')"), "on");
    let query = "SELECT changed_by, old_row->>'value', new_row->>'value' FROM script_tracking.setting_change
        WHERE table_name = 'setting' AND old_row IS NOT NULL";
    assert_eq!(rows(&mut admin, query), [["admin", "off", "on"]]);
    refused(
        &mut database.connect_as("writer").unwrap(),
        "SELECT script_tracking.set_setting('audit_log', 'off')",
        &SqlState::INSUFFICIENT_PRIVILEGE,
    );
}
