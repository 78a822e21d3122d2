//! The dashboard: ten figures of the last 24 hours, in a fixed order.

use serde::Serialize;

use super::{Decimal, Rating, Ratio, Tally};
use crate::store::Activity;
use crate::time::Timestamp;

/// One row of the dashboard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DashboardRow {
    /// Which figure.
    pub metric_name: &'static str,
    /// The figure; none where there is nothing to count from.
    pub metric_value: Option<Decimal>,
    /// Its unit: `count`, `percentage` or `milliseconds`.
    pub metric_unit: &'static str,
    /// How good it is.
    pub status: Rating,
    /// The instant of the report.
    #[serde(serialize_with = "super::health::as_text")]
    pub last_updated: Timestamp,
}

/// Makes the dashboard from what was counted.
#[must_use]
pub fn dashboard(activity: &Activity, at: Timestamp) -> Vec<DashboardRow> {
    let all = Tally::total(activity.last.values());
    let ddl = activity.last.get("DDL_AUTO").map_or(0, |tally| tally.operations);
    let success = all.success_rate();
    let duration = |value: Option<Ratio>| (value, value.map_or(Rating::NoData, Rating::of_duration));
    let count = |value: u64| (Some(Ratio::from(value)), Rating::Normal);
    let percent = (success, success.map_or(Rating::NoData, Rating::of_success));
    let health = health_score(&all, activity);
    let p95 = all.p95().map(|p95| Ratio::new(i128::from(p95), 1));
    let rows = [
        ("total_operations_24h", "count", count(all.operations)),
        ("success_rate_24h", "percentage", percent),
        ("avg_duration_ms", "milliseconds", duration(all.average())),
        ("failed_operations_24h", "count", (Some(Ratio::from(all.failed)), failed_status(&all))),
        ("system_health_score", "percentage", (Some(health), Rating::of_success(health))),
        ("p95_duration_ms_24h", "milliseconds", duration(p95)),
        ("running_operations", "count", count(activity.running)),
        ("stale_operations", "count", (Some(Ratio::from(activity.stale)), stale_status(activity.stale))),
        ("ddl_operations_24h", "count", count(ddl)),
        ("total_operations", "count", count(activity.total)),
    ];
    rows.into_iter()
        .map(|(metric_name, metric_unit, (value, status))| DashboardRow {
            metric_name,
            metric_value: value.map(Ratio::round),
            metric_unit,
            status,
            last_updated: at,
        })
        .collect()
}

fn failed_status(all: &Tally) -> Rating {
    match all.failure_rate() {
        _ if all.failed == 0 => Rating::Normal,
        Some(rate) if rate >= Ratio::from(20) => Rating::Poor,
        _ => Rating::Warning,
    }
}

fn stale_status(stale: u64) -> Rating {
    if stale == 0 { Rating::Normal } else { Rating::Warning }
}

/// `0.6 S + 0.2 D + 0.2 L`: success, durations, liveness; each 100 where there is nothing to judge.
fn health_score(all: &Tally, activity: &Activity) -> Ratio {
    let success = all.success_rate().unwrap_or(Ratio::from(100));
    let durations = match all.average() {
        Some(average) if average >= Ratio::from(1000) => 50,
        Some(average) if average >= Ratio::from(500) => 80,
        Some(average) if average >= Ratio::from(100) => 95,
        _ => 100,
    };
    let lively = if activity.running == 0 {
        Ratio::from(100)
    } else {
        let alive = activity.running.saturating_sub(activity.stale);
        Ratio::new(100 * i128::from(alive), i128::from(activity.running))
    };
    success.times(6, 10).plus(Ratio::new(durations * 2, 10)).plus(lively.times(2, 10))
}
