//! The reports as rows of texts, from SQL and from Rust.

use std::fmt::Display;

use opledger::store::Scope;
use opledger::{History, Store, Timestamp, Tracker};
use opledger_testkit::ManualClock;
use pollster::block_on;
use postgres::Client;

/// A row; a NULL is none.
pub(crate) type Row = Vec<Option<String>>;
/// The reports, by name.
pub(crate) type Reports = Vec<(&'static str, Vec<Row>)>;

/// How many days and hours back the lists go.
const DAYS: [i64; 3] = [1, 7, 30_000];
const HOURS: [i64; 3] = [1, 24, 48];

/// The reports of a session, as of `at`.
pub(crate) fn by_sql(client: &mut Client, at: Timestamp) -> Reports {
    let at = format!("timestamptz '{at}'");
    let mut reports = Vec::new();
    let mut report = |name, columns: &str, function: String| {
        let rows = client.query(&format!("SELECT {columns} FROM script_tracking.{function}"), &[]);
        let rows = rows.unwrap_or_else(|error| panic!("{function}: {error:?}"));
        let rows = rows.iter().map(|row| (0..row.len()).map(|place| row.get(place)).collect()).collect();
        reports.push((name, rows));
    };
    report(
        "dashboard",
        "metric_name::text, metric_value::text, metric_unit::text, status::text,
            (extract(epoch FROM last_updated) * 1000000)::bigint::text",
        format!("enterprise_dashboard_at({at})"),
    );
    report(
        "metrics",
        "metric_category::text, metric_name::text, current_value::text, trend_direction::text, performance_rating::text",
        format!("performance_metrics_at({at})"),
    );
    // The details too: only how many bytes are stored is each store's own.
    report(
        "health",
        "health_category::text, health_metric::text, current_status::text,
            CASE WHEN health_metric <> 'size' THEN details END, (extract(epoch FROM last_checked) * 1000000)::bigint::text",
        format!("system_health_at({at})"),
    );
    for days in DAYS {
        report(
            "history",
            "script_name::text, script_type::text, execution_status::text,
                (extract(epoch FROM execution_timestamp) * 1000000)::bigint::text, execution_duration_ms::text,
                db_session_user::text, array_to_json(affected_objects)::text",
            format!("execution_history_at({at}, {days})"),
        );
    }
    for hours in HOURS {
        report(
            "errors",
            "script_name::text, error_message, (extract(epoch FROM execution_timestamp) * 1000000)::bigint::text,
                db_session_user::text, host(client_ip), array_to_json(affected_objects)::text, metadata::text",
            format!("recent_errors_at({at}, {hours})"),
        );
    }
    reports
}

/// The same reports of a store's scope, whose clock stands at `at`.
pub(crate) fn by_rust<S: Store>(store: S, scope: Scope, at: Timestamp) -> Reports {
    let tracker = Tracker::builder().clock(ManualClock::new(at)).build(store);
    let tracker = match scope {
        Scope::System => tracker,
        Scope::Tenant(tenant) => tracker.for_tenant(tenant),
        Scope::All => tracker.for_all(),
    };
    let dashboard = block_on(tracker.enterprise_dashboard()).unwrap().into_iter().map(|row| {
        vec![
            text(row.metric_name),
            row.metric_value.and_then(text),
            text(row.metric_unit),
            text(row.status.as_str()),
            time(row.last_updated),
        ]
    });
    let metrics = block_on(tracker.performance_metrics()).unwrap().into_iter().map(|row| {
        let (trend, rating) = (row.trend_direction.as_str(), row.performance_rating.as_str());
        vec![
            text(row.metric_category),
            text(row.metric_name),
            row.current_value.and_then(text),
            text(trend),
            text(rating),
        ]
    });
    let health = block_on(tracker.system_health()).unwrap().into_iter().map(|row| {
        let details = (row.health_metric != "size").then_some(row.details);
        vec![
            text(row.health_category),
            text(row.health_metric),
            text(row.current_status.as_str()),
            details,
            time(row.last_checked),
        ]
    });
    let mut reports: Reports =
        vec![("dashboard", dashboard.collect()), ("metrics", metrics.collect()), ("health", health.collect())];
    for days in DAYS {
        let rows = block_on(tracker.execution_history(&History { days, ..History::default() })).unwrap();
        assert!(rows.damaged.is_empty(), "{:?}", rows.damaged);
        let rows = rows.into_iter().map(|row| {
            vec![
                text(row.script_name),
                text(row.script_type),
                text(row.execution_status),
                time(row.execution_timestamp),
                row.execution_duration_ms.and_then(text),
                row.db_session_user,
                objects(row.affected_objects.as_deref()),
            ]
        });
        reports.push(("history", rows.collect()));
    }
    for hours in HOURS {
        let rows = block_on(tracker.recent_errors(hours)).unwrap();
        let rows = rows.into_iter().map(|row| {
            vec![
                text(row.script_name),
                row.error_message,
                time(row.execution_timestamp),
                row.db_session_user,
                row.client_ip.as_ref().map(opledger::hash::address_text),
                objects(row.affected_objects.as_deref()),
                row.metadata.and_then(|metadata| text(metadata.as_str())),
            ]
        });
        reports.push(("errors", rows.collect()));
    }
    reports
}

fn text(value: impl Display) -> Option<String> {
    Some(value.to_string())
}

fn time(time: Timestamp) -> Option<String> {
    text(time.as_micros())
}

fn objects(objects: Option<&[Option<String>]>) -> Option<String> {
    objects.map(|objects| serde_json::to_string(objects).unwrap())
}
