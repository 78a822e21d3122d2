//! Cleanup, verify, views.

use postgres::error::SqlState;

use crate::support::{installed, refused, rows, run, value};
use crate::tracking::FAULTS;

const OLD: &str = "SELECT script_tracking.record_operation('old', p_execution_timestamp => now() - interval '400 days', p_duration_ms => 1,
    p_idempotency_key => 'old ' || n) FROM generate_series(1, 25) n";

#[test]
fn cleanup_removes_old_finished_operations_whole() {
    let database = installed();
    run(&mut database.connect_as("acme").unwrap(), OLD);
    run(&mut database.connect_as("writer").unwrap(), OLD);
    let mut admin = database.connect_as("admin").unwrap();
    run(
        &mut admin,
        "SELECT script_tracking.record_operation('young', p_execution_timestamp => now() - interval '364 days')",
    );
    run(&mut admin, "SELECT script_tracking.track_operation('still running')");
    run(
        &mut database.connect().unwrap(),
        "UPDATE script_tracking.script_execution_s SET execution_timestamp = now() - interval '900 days'
        WHERE script_name = 'still running'",
    );
    assert_eq!(value(&mut admin, "SELECT script_tracking.cleanup_old_data()"), "50");
    assert_eq!(value(&mut admin, "SELECT script_tracking.cleanup_old_data()"), "0");
    let left = "SELECT (SELECT count(*) FROM script_tracking.script_execution_h), (SELECT count(*) FROM script_tracking.script_execution_s)";
    assert_eq!(rows(&mut admin, left), [["2", "3"]]);
    assert_eq!(value(&mut database.connect().unwrap(), "SELECT count(*) FROM script_tracking.idempotency_key"), "0");
    refused(
        &mut database.connect_as("writer").unwrap(),
        "SELECT script_tracking.cleanup_old_data()",
        &SqlState::INSUFFICIENT_PRIVILEGE,
    );
}

#[test]
fn batched_cleanup_commits_each_batch() {
    let database = installed();
    run(&mut database.connect_as("acme").unwrap(), OLD);
    let mut admin = database.connect_as("admin").unwrap();
    let xid = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint";
    let before: i64 = value(&mut admin, xid).parse().unwrap();
    run(&mut admin, "CALL script_tracking.cleanup_old_data_batched(365, 10)");
    let after: i64 = value(&mut admin, xid).parse().unwrap();
    assert!(after - before >= 3, "three batches are three transactions: {before} to {after}");
    assert_eq!(value(&mut admin, "SELECT count(*) FROM script_tracking.script_execution_s"), "0");
    for arguments in ["0", "NULL", "365, 0", "365, NULL"] {
        refused(
            &mut admin,
            &format!("CALL script_tracking.cleanup_old_data_batched({arguments})"),
            &SqlState::INVALID_PARAMETER_VALUE,
        );
    }
    let mut acme = database.connect_as("acme").unwrap();
    refused(&mut acme, "CALL script_tracking.cleanup_old_data_batched(1)", &SqlState::INSUFFICIENT_PRIVILEGE);
}

#[test]
fn verify_finds_each_kind_of_fault() {
    let database = installed();
    let mut admin = database.connect_as("admin").unwrap();
    let mut superuser = database.connect().unwrap();
    for name in ["hash", "orphan", "open", "gap", "key", "name", "tenant", "after"] {
        run(
            &mut admin,
            &format!("SELECT script_tracking.complete_operation(script_tracking.track_operation('{name}'))"),
        );
    }
    assert!(rows(&mut admin, "SELECT * FROM script_tracking.verify()").is_empty());
    let health = "SELECT health_metric, current_status, details ~ 'found 0' FROM script_tracking.get_system_health() WHERE health_category = 'INTEGRITY'";
    assert_eq!(
        rows(&mut admin, health),
        [
            ["orphan_versions", "EXCELLENT", "t"],
            ["open_versions", "EXCELLENT", "t"],
            ["hash_mismatches", "EXCELLENT", "t"]
        ]
    );
    let of = |name: &str| {
        format!(
            "script_execution_hk IN (SELECT script_execution_hk FROM script_tracking.script_execution_s WHERE script_name = '{name}')"
        )
    };
    for damage in [
        "UPDATE script_tracking.script_execution_s SET error_message = 'forged' WHERE script_name = 'hash' AND execution_status = 'COMPLETED'".to_owned(),
        format!("DELETE FROM script_tracking.script_execution_h WHERE {}", of("orphan")),
        "UPDATE script_tracking.script_execution_s SET load_end_date = NULL WHERE script_name = 'open'".to_owned(),
        "UPDATE script_tracking.script_execution_s SET load_end_date = load_end_date - interval '1 us' WHERE script_name = 'gap' AND load_end_date IS NOT NULL".to_owned(),
        format!("UPDATE script_tracking.script_execution_h SET script_execution_bk = 'other' WHERE {}", of("key")),
        "UPDATE script_tracking.script_execution_s s SET script_type = 'OTHER' WHERE script_name = 'name' AND load_end_date IS NULL".to_owned(),
        "UPDATE script_tracking.script_execution_s SET tenant_hk = sha256('x') WHERE script_name = 'tenant' AND load_end_date IS NULL".to_owned(),
        "UPDATE script_tracking.script_execution_s s SET execution_status = 'FAILED' WHERE script_name = 'after' AND load_end_date IS NOT NULL".to_owned(),
        "UPDATE script_tracking.script_execution_s s SET hash_diff = script_tracking.calculate_hash_diff(s) WHERE script_name IN ('name', 'after')".to_owned(),
    ] {
        run(&mut superuser, &damage);
    }
    let found = "SELECT fault, count(*), string_agg(DISTINCT reason, ' | ' ORDER BY reason) FROM script_tracking.verify() GROUP BY 1 ORDER BY 1";
    let found = rows(&mut admin, found);
    let counts: Vec<(&str, &str)> = found.iter().map(|row| (row[0].as_str(), row[1].as_str())).collect();
    assert_eq!(
        counts,
        [("HASH_MISMATCH", "2"), ("OPEN_VERSIONS", "1"), ("ORPHAN_VERSION", "2"), ("OTHER", "4")],
        "{found:?}"
    );
    let health = "SELECT health_metric, current_status FROM script_tracking.get_system_health() WHERE health_category = 'INTEGRITY'";
    assert_eq!(
        rows(&mut admin, health),
        [["orphan_versions", "POOR"], ["open_versions", "POOR"], ["hash_mismatches", "POOR"]]
    );
    // A tenant's own verify is the tenant's own affair.
    let mut acme = database.connect_as("acme").unwrap();
    assert_eq!(
        rows(&mut acme, health),
        [["orphan_versions", "GOOD"], ["open_versions", "GOOD"], ["hash_mismatches", "GOOD"]]
    );
    assert!(rows(&mut acme, "SELECT * FROM script_tracking.verify()").is_empty());
    assert_eq!(rows(&mut acme, health)[0][1], "EXCELLENT");
}

/// They grew without an end.
#[test]
fn cleanup_forgets_how_capture_went() {
    let database = installed();
    let mut superuser = database.connect().unwrap();
    let mut admin = database.connect_as("admin").unwrap();
    for cleanup in
        ["SELECT script_tracking.cleanup_old_data(30)", "CALL script_tracking.cleanup_old_data_batched(30, 10)"]
    {
        for days in [29, 31] {
            run(
                &mut superuser,
                &format!(
                    "INSERT INTO script_tracking.capture_failure (failed_at, event, tag, sqlstate)
                    VALUES (now() - interval '{days} days', 'ddl_command_end', '{days} days', '42P01');
                    INSERT INTO script_tracking.capture_switch_off (log_xid, switched_off_at, tag)
                    VALUES ('{days}', now() - interval '{days} days', '{days} days')"
                ),
            );
        }
        run(&mut admin, cleanup);
        let left = "SELECT tag FROM script_tracking.capture_failure UNION ALL SELECT tag FROM script_tracking.capture_switch_off";
        assert_eq!(rows(&mut superuser, left), [["29 days"], ["29 days"]], "{cleanup}");
        run(
            &mut superuser,
            "DELETE FROM script_tracking.capture_failure; DELETE FROM script_tracking.capture_switch_off",
        );
    }
}

#[test]
fn any_reader_can_audit_the_satellite() {
    let database = installed();
    run(&mut database.connect_as("acme").unwrap(), OLD);
    let audit = "SELECT count(*) FROM script_tracking.script_execution_s s WHERE s.hash_diff <> script_tracking.calculate_hash_diff(s)";
    assert_eq!(value(&mut database.connect_as("acme").unwrap(), audit), "0");
    run(
        &mut database.connect().unwrap(),
        "UPDATE script_tracking.script_execution_s SET metadata = '{\"forged\": true}' WHERE load_end_date IS NULL",
    );
    assert_eq!(value(&mut database.connect_as("acme").unwrap(), audit), "25");
    assert!(!rows(&mut database.connect_as("admin").unwrap(), FAULTS).is_empty());
}

#[test]
fn views_show_what_is_open() {
    let database = installed();
    let mut writer = database.connect_as("writer").unwrap();
    let hk = value(&mut writer, "SELECT script_tracking.track_operation('runs')");
    run(&mut writer, "SELECT script_tracking.record_operation('done')");
    run(&mut writer, &format!("SELECT script_tracking.annotate_operation('{hk}', '{{\"step\": 2}}')"));
    assert_eq!(
        rows(&mut writer, "SELECT script_name, metadata FROM script_tracking.running_operations"),
        [["runs", "{\"step\": 2}"]]
    );
    assert_eq!(
        value(&mut writer, "SELECT running_for BETWEEN '0' AND '1 minute' FROM script_tracking.running_operations"),
        "t"
    );
    let open = "SELECT script_name FROM script_tracking.current_executions ORDER BY 1";
    assert_eq!(rows(&mut writer, open), [["done"], ["runs"]]);
    let same = "SELECT count(*) FROM (SELECT * FROM script_tracking.current_executions EXCEPT
        SELECT * FROM script_tracking.script_execution_s WHERE load_end_date IS NULL) d";
    assert_eq!(value(&mut writer, same), "0");
}
