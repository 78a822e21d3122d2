//! The reports, on operations whose figures are known; and the plans that keep them quick.

use postgres::Client;
use postgres::error::SqlState;

use crate::support::{installed, refused, rows, run, value};

/// All reports below are of this instant.
const AT: &str = "timestamptz '2024-06-10 12:00:00Z'";

/// Operations of one type: `(hours before AT, status, duration)`.
fn record(client: &mut Client, script_type: &str, operations: &[(&str, &str, Option<i32>)]) {
    for (ago, status, duration) in operations {
        // What an import does that has no duration; and one that still runs.
        let hk = value(
            client,
            &format!(
                "SELECT script_tracking.record_operation('of {script_type}', '{script_type}', {AT} - interval '{ago}',
            {}, {})",
                duration.unwrap_or(0),
                *status != "FAILED"
            ),
        );
        if *status == "RUNNING" {
            run(
                client,
                &format!(
                    "DELETE FROM script_tracking.script_execution_s WHERE script_execution_hk = '{hk}' AND load_end_date IS NULL"
                ),
            );
            run(
                client,
                &format!(
                    "UPDATE script_tracking.script_execution_s SET load_end_date = NULL WHERE script_execution_hk = '{hk}'"
                ),
            );
        } else if duration.is_none() {
            run(
                client,
                &format!(
                    "UPDATE script_tracking.script_execution_s SET execution_duration_ms = NULL WHERE script_execution_hk = '{hk}'"
                ),
            );
        }
    }
}

fn dashboard(client: &mut Client) -> Vec<Vec<String>> {
    rows(
        client,
        &format!(
            "SELECT metric_name, metric_value, metric_unit, status FROM script_tracking.enterprise_dashboard_at({AT})"
        ),
    )
}

#[test]
fn an_empty_ledger_has_no_data() {
    let database = installed();
    let mut client = database.connect_as("reader").unwrap();
    let expected = [
        ["total_operations_24h", "0.00", "count", "NORMAL"],
        ["success_rate_24h", "NULL", "percentage", "NO_DATA"],
        ["avg_duration_ms", "NULL", "milliseconds", "NO_DATA"],
        ["failed_operations_24h", "0.00", "count", "NORMAL"],
        ["system_health_score", "100.00", "percentage", "EXCELLENT"],
        ["p95_duration_ms_24h", "NULL", "milliseconds", "NO_DATA"],
        ["running_operations", "0.00", "count", "NORMAL"],
        ["stale_operations", "0.00", "count", "NORMAL"],
        ["ddl_operations_24h", "0.00", "count", "NORMAL"],
        ["total_operations", "0.00", "count", "NORMAL"],
    ];
    assert_eq!(dashboard(&mut client), expected);
    assert_eq!(
        rows(
            &mut client,
            "SELECT metric_name, metric_value, metric_unit, status FROM script_tracking.get_enterprise_dashboard()"
        ),
        expected
    );
    let metrics = "SELECT metric_category, current_value, trend_direction, performance_rating FROM script_tracking.get_performance_metrics()";
    let found = rows(&mut client, metrics);
    assert_eq!(found[0], ["OVERALL", "0.00", "NEW", "NO_DATA"]);
    assert_eq!(found[1], ["OVERALL", "NULL", "NO_DATA", "NO_DATA"]);
    assert_eq!(found.len(), 5);
    let health = "SELECT health_category, health_metric, current_status FROM script_tracking.get_system_health()";
    assert_eq!(
        rows(&mut client, health),
        [
            ["PERFORMANCE", "average_duration", "GOOD"],
            ["PERFORMANCE", "p95_duration", "GOOD"],
            ["RELIABILITY", "success_rate", "GOOD"],
            ["RELIABILITY", "recent_failures", "EXCELLENT"],
            ["LIVENESS", "stale_operations", "EXCELLENT"],
            ["INTEGRITY", "orphan_versions", "GOOD"],
            ["INTEGRITY", "open_versions", "GOOD"],
            ["INTEGRITY", "hash_mismatches", "GOOD"],
            ["STORAGE", "size", "EXCELLENT"],
            ["STORAGE", "operations", "EXCELLENT"],
            ["CAPTURE", "event_triggers", "EXCELLENT"],
            ["CAPTURE", "capture_failures", "EXCELLENT"],
            ["LOG", "horizon", "EXCELLENT"],
        ]
    );
    assert!(rows(&mut client, "SELECT * FROM script_tracking.get_execution_history()").is_empty());
    assert!(rows(&mut client, "SELECT * FROM script_tracking.get_recent_errors()").is_empty());
}

#[test]
fn a_window_begins_after_its_first_microsecond_and_has_no_end() {
    let database = installed();
    let mut client = database.connect().unwrap();
    record(
        &mut client,
        "X",
        &[
            ("24 hours", "COMPLETED", Some(1)),
            ("23:59:59.999999", "COMPLETED", Some(1)),
            ("-5 years", "COMPLETED", Some(1)),
            ("48 hours", "COMPLETED", Some(1)),
            ("47:59:59.999999", "COMPLETED", Some(1)),
        ],
    );
    assert_eq!(dashboard(&mut client)[0][1], "2.00");
    let trend =
        format!("SELECT current_value, trend_direction FROM script_tracking.performance_metrics_at({AT}) LIMIT 1");
    // Before: 24 hours and 47:59:59.999999; so 2 of 2.
    assert_eq!(rows(&mut client, &trend), [["2.00", "STABLE"]]);
    let history = |days: i32| format!("SELECT count(*) FROM script_tracking.execution_history_at({AT}, {days})");
    assert_eq!(value(&mut client, &history(1)), "2");
    assert_eq!(value(&mut client, &history(2)), "4");
    assert_eq!(value(&mut client, &history(i32::MAX)), "5");
}

#[test]
fn figures_are_exact() {
    let database = installed();
    let mut client = database.connect().unwrap();
    let mut operations = vec![
        ("1 hour", "FAILED", Some(1023)),
        ("1 hour", "COMPLETED", None),
        ("1 hour", "RUNNING", None),
        ("25 hours", "RUNNING", None),
    ];
    operations.extend([("2 hours", "COMPLETED", Some(5)); 19]);
    record(&mut client, "DDL_AUTO", &operations);
    // 20 of 21 finished succeeded; 20 durations: 19 of 5 ms and 1023, of which rank 19 of 20 is 5.
    assert_eq!(
        dashboard(&mut client),
        [
            ["total_operations_24h", "22.00", "count", "NORMAL"],
            ["success_rate_24h", "95.24", "percentage", "EXCELLENT"],
            ["avg_duration_ms", "55.90", "milliseconds", "GOOD"],
            ["failed_operations_24h", "1.00", "count", "WARNING"],
            ["system_health_score", "87.14", "percentage", "WARNING"],
            ["p95_duration_ms_24h", "5.00", "milliseconds", "EXCELLENT"],
            ["running_operations", "2.00", "count", "NORMAL"],
            ["stale_operations", "1.00", "count", "WARNING"],
            ["ddl_operations_24h", "22.00", "count", "NORMAL"],
            ["total_operations", "23.00", "count", "NORMAL"],
        ]
    );
    let health = format!("SELECT current_status, details FROM script_tracking.system_health_at({AT}) LIMIT 5");
    assert_eq!(
        rows(&mut client, &health),
        [
            ["GOOD", "The average of 20 durations in 24 hours is 55.90 ms."],
            ["EXCELLENT", "The 95th percentile of 20 durations in 24 hours is 5.00 ms."],
            ["EXCELLENT", "95.24 % of 21 finished operations in 24 hours succeeded."],
            ["GOOD", "1 of 21 finished operations in 24 hours failed."],
            ["WARNING", "1 of 2 running operations started over 24 hours ago."],
        ]
    );
}

#[test]
fn arithmetic_rounds_and_rates_at_its_edges() {
    let database = installed();
    let mut client = database.connect().unwrap();
    run(&mut client, "SET search_path = script_tracking, pg_catalog");
    for (call, expected) in [
        ("hundredths(1, 3)", "0.33"),
        ("hundredths(1, 200)", "0.01"),
        ("hundredths(2, 3)", "0.67"),
        ("hundredths(1, 0)", "NULL"),
        ("hundredths(2147483647000001, 1000000)", "2147483647.00"),
        ("hundredths(2147483647005000, 1000000)", "2147483647.01"),
        ("hundredths(2147483647004999, 1000000)", "2147483647.00"),
        ("seven_bits(0)", "0"),
        ("seven_bits(127)", "127"),
        ("seven_bits(129)", "128"),
        ("seven_bits(1023)", "1016"),
        ("seven_bits(2147483647)", "2130706432"),
        ("rate_success(19, 20)", "GOOD"),
        ("rate_success(951, 1000)", "EXCELLENT"),
        ("rate_success(9, 10)", "WARNING"),
        ("rate_success(4, 5)", "POOR"),
        ("rate_duration(999, 100)", "EXCELLENT"),
        ("rate_duration(10, 1)", "GOOD"),
        ("rate_duration(500, 1)", "WARNING"),
        ("rate_duration(1000, 1)", "POOR"),
        ("rate_performance(96, 100, 9999, 100)", "EXCELLENT"),
        ("rate_performance(96, 100, 10000, 100)", "GOOD"),
        ("rate_performance(91, 100, 49999, 100)", "GOOD"),
        ("rate_performance(81, 100, 99999, 100)", "WARNING"),
        ("rate_performance(81, 100, 100000, 100)", "POOR"),
        ("rate_performance(1, 1, 0, 0)", "EXCELLENT"),
        ("rate_performance(0, 0, 0, 0)", "NO_DATA"),
        ("direction(105, 1, 100, 1)", "STABLE"),
        ("direction(1051, 10, 100, 1)", "UP"),
        ("direction(95, 1, 100, 1)", "STABLE"),
        ("direction(949, 10, 100, 1)", "DOWN"),
        ("direction(1, 1, NULL, 1)", "NEW"),
        ("direction(1, 0, 1, 1)", "NO_DATA"),
        ("direction(NULL, 1, 1, 1)", "NO_DATA"),
    ] {
        assert_eq!(value(&mut client, &format!("SELECT {call}")), expected, "{call}");
    }
    for count in [1, 2, 19, 20, 21, 100, 1000] {
        let query = format!(
            "SELECT percentile_disc(0.95) WITHIN GROUP (ORDER BY n) = ceil({count} * 95 / 100.0) FROM generate_series(1, {count}) n"
        );
        assert_eq!(value(&mut client, &query), "t", "nearest rank of {count}");
    }
}

#[test]
fn metrics_are_by_type_in_byte_order() {
    let database = installed();
    let mut client = database.connect().unwrap();
    record(
        &mut client,
        "b",
        &[("1 hour", "COMPLETED", Some(40)), ("30 hours", "COMPLETED", Some(50)), ("30 hours", "COMPLETED", Some(50))],
    );
    record(&mut client, "Z", &[("1 hour", "FAILED", Some(2000))]);
    record(&mut client, "gone", &[("30 hours", "COMPLETED", Some(1))]);
    let query = format!(
        "SELECT metric_category, metric_name, current_value, trend_direction, performance_rating
        FROM script_tracking.performance_metrics_at({AT})"
    );
    let found = rows(&mut client, &query);
    assert_eq!(
        found[5..],
        [
            ["Z", "operations_24h", "1.00", "NEW", "POOR"],
            ["Z", "success_rate_24h", "0.00", "NEW", "POOR"],
            ["Z", "avg_duration_ms_24h", "2000.00", "NEW", "POOR"],
            ["Z", "p95_duration_ms_24h", "2000.00", "NEW", "POOR"],
            ["Z", "max_duration_ms_24h", "2000.00", "NEW", "POOR"],
            ["b", "operations_24h", "1.00", "DOWN", "EXCELLENT"],
            ["b", "success_rate_24h", "100.00", "STABLE", "EXCELLENT"],
            ["b", "avg_duration_ms_24h", "40.00", "DOWN", "EXCELLENT"],
            ["b", "p95_duration_ms_24h", "40.00", "DOWN", "EXCELLENT"],
            ["b", "max_duration_ms_24h", "40.00", "DOWN", "EXCELLENT"],
        ]
    );
    assert_eq!(found[0], ["OVERALL", "operations_24h", "2.00", "DOWN", "POOR"]);
    assert_eq!(found[4], ["OVERALL", "max_duration_ms_24h", "2000.00", "UP", "POOR"]);
}

#[test]
fn history_and_errors_are_newest_first() {
    let database = installed();
    let mut client = database.connect().unwrap();
    record(
        &mut client,
        "X",
        &[
            ("3 hours", "FAILED", Some(7)),
            ("1 hour", "RUNNING", None),
            ("2 hours", "COMPLETED", Some(1)),
            ("2 hours", "FAILED", Some(1)),
        ],
    );
    let history = format!(
        "SELECT execution_status, execution_duration_ms, db_session_user FROM script_tracking.execution_history_at({AT}, 7)"
    );
    let found = rows(&mut client, &history);
    assert_eq!(
        (&found[0][0], &found[3][..]),
        (&"RUNNING".to_owned(), &["FAILED".to_owned(), "7".to_owned(), "postgres".to_owned()][..])
    );
    let order =
        format!("SELECT array_agg(h.script_name) IS NOT NULL FROM script_tracking.execution_history_at({AT}, 7) h");
    assert_eq!(value(&mut client, &order), "t");
    let errors = |hours: i32| format!("SELECT count(*) FROM script_tracking.recent_errors_at({AT}, {hours})");
    assert_eq!(value(&mut client, &errors(3)), "1");
    assert_eq!(value(&mut client, &errors(4)), "2");
}

#[test]
fn an_argument_below_one_is_an_error() {
    let database = installed();
    let mut admin = database.connect_as("admin").unwrap();
    for (function, field) in [
        ("get_execution_history", "p_days"),
        ("get_recent_errors", "p_hours"),
        ("cleanup_old_data", "p_retention_days"),
    ] {
        for argument in ["NULL", "0", "-1", "-2147483648"] {
            let message = refused(
                &mut admin,
                &format!("SELECT script_tracking.{function}({argument})"),
                &SqlState::INVALID_PARAMETER_VALUE,
            );
            assert!(message.contains(&format!("{field} must be from 1 to 2147483647, not {argument}")), "{message}");
        }
        run(&mut admin, &format!("SELECT script_tracking.{function}(2147483647)"));
    }
}

/// 20,000 finished operations of 20 tenants, one of them acme, over two weeks.
fn fill(superuser: &mut Client) {
    run(superuser, "INSERT INTO script_tracking.script_execution_h
        SELECT sha256(n::text::bytea), 'x' || n, sha256(CASE n % 20 WHEN 0 THEN 'acme' ELSE 'other' END::bytea), now(), 'test' FROM generate_series(1, 20000) n;
        INSERT INTO script_tracking.script_execution_s (script_execution_hk, load_date, load_end_date, hash_diff, script_name,
            execution_status, execution_timestamp, record_source, tenant_hk)
        SELECT sha256(n::text::bytea), now() + k * interval '1 us', CASE k WHEN 1 THEN now() END, sha256('x'), 'x',
            CASE WHEN k = 1 THEN 'RUNNING' WHEN n % 50 = 0 THEN 'FAILED' ELSE 'COMPLETED' END,
            now() - n * interval '1 minute', 'test', sha256(CASE n % 20 WHEN 0 THEN 'acme' ELSE 'other' END::bytea) FROM generate_series(1, 20000) n, generate_series(1, 2) k");
    superuser.batch_execute("VACUUM ANALYZE").unwrap();
}

#[test]
fn hot_queries_use_their_index() {
    let database = installed();
    let mut superuser = database.connect().unwrap();
    fill(&mut superuser);
    // Row security counts: the plans are those of a bound tenant's login.
    let mut acme = database.connect_as("acme").unwrap();
    let day = "tenant_hk = ANY (ARRAY[sha256('acme')]) AND execution_timestamp > now() - interval '1 day'";
    for (query, index) in [
        (format!("SELECT script_type, execution_duration_ms FROM script_tracking.script_execution_s WHERE {day} AND execution_status <> 'RUNNING'"),
            "script_execution_s_finished"),
        (format!("SELECT error_message FROM script_tracking.script_execution_s WHERE {day} AND execution_status = 'FAILED'"), "script_execution_s_failed"),
        ("SELECT * FROM script_tracking.running_operations".to_owned(), "script_execution_s_running"),
        ("SELECT count(*) FROM script_tracking.script_execution_h WHERE tenant_hk = sha256('acme') AND log_xid >= '0'".to_owned(),
            "script_execution_h_log"),
        ("SELECT * FROM script_tracking.script_execution_s WHERE script_execution_hk = sha256('1') AND load_end_date IS NULL".to_owned(),
            "script_execution_s_pkey"),
    ] {
        let plan = format!("{:?}", rows(&mut acme, &format!("EXPLAIN {query}")));
        assert!(plan.contains(index) && !plan.contains("Seq Scan on script_execution"), "{query}: {plan}");
    }
    // The statement that completes must find its row by the key, whatever the statistics say of an empty table.
    let update = "EXPLAIN UPDATE script_tracking.script_execution_s SET load_end_date = now() WHERE script_execution_hk = sha256('1')
        AND load_end_date IS NULL AND execution_status <> 'COMPLETED' AND execution_status <> 'FAILED'";
    for statistics in ["", "; DELETE FROM pg_statistic WHERE starelid = 'script_tracking.script_execution_s'::regclass"]
    {
        run(&mut superuser, &format!("SET allow_system_table_mods = on{statistics}"));
        let plan = format!("{:?}", rows(&mut superuser, update));
        assert!(plan.contains("script_execution_s_pkey"), "{plan}");
    }
}

/// Statistics take a quarter of all versions for running ones: without a hint the count of these read the whole table.
#[test]
fn what_is_asked_often_reads_no_whole_table() {
    let database = installed();
    fill(&mut database.connect().unwrap());
    let mut acme = database.connect_as("acme").unwrap();
    let scope = "false, script_tracking.calculate_hash_key('acme')";
    for call in [
        "get_enterprise_dashboard()".to_owned(),
        "get_system_health()".to_owned(),
        "get_performance_metrics()".to_owned(),
        "get_recent_errors(1)".to_owned(),
        "get_execution_history(1)".to_owned(),
        format!("store_history({scope}, NULL, NULL, 'RUNNING', NULL, NULL, NULL, 100)"),
        format!("store_history({scope}, NULL, NULL, NULL, NULL, NULL, NULL, 100)"),
        format!("store_log({scope}, 1, '0', 39900, 100)"),
    ] {
        run(&mut acme, &format!("BEGIN; SELECT count(*) FROM script_tracking.{call}"));
        let read = "SELECT relname, seq_scan, seq_tup_read FROM pg_stat_xact_user_tables
            WHERE relname IN ('script_execution_h', 'script_execution_s') AND seq_scan > 0";
        assert_eq!(rows(&mut acme, read), Vec::<Vec<String>>::new(), "{call}: whole tables read");
        let seen =
            "SELECT count(*) > 0 FROM pg_stat_xact_user_tables WHERE relname = 'script_execution_s' AND idx_scan > 0";
        assert_eq!(value(&mut acme, seen), "t", "the counters count");
        run(&mut acme, "ROLLBACK");
    }
}
