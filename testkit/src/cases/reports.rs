//! Reports against figures worked out by hand.

use std::time::Duration;

use opledger::report::{DAY, DashboardRow, Decimal, MetricRow, Rating};
use opledger::{Clock, Store, Timestamp, Tracker};

use crate::bench::{begin, run, run_at};
use crate::{Bench, Factory};

fn text(value: Option<Decimal>) -> String {
    value.map_or("-".to_owned(), |value| value.to_string())
}

fn lines(rows: &[DashboardRow]) -> Vec<String> {
    rows.iter()
        .map(|row| format!("{} {} {} {}", row.metric_name, text(row.metric_value), row.metric_unit, row.status))
        .collect()
}

fn metric_lines(rows: &[MetricRow]) -> Vec<String> {
    rows.iter()
        .map(|row| {
            let (value, trend) = (text(row.current_value), row.trend_direction);
            format!("{} {} {value} {trend} {}", row.metric_category, row.metric_name, row.performance_rating)
        })
        .collect()
}

/// One dashboard figure.
pub(super) async fn figure<S: Store>(tracker: &Tracker<S>, name: &str) -> (String, Rating) {
    let rows = tracker.enterprise_dashboard().await.unwrap();
    let row = rows.iter().find(|row| row.metric_name == name).unwrap();
    (text(row.metric_value), row.status)
}

/// The status of one health metric.
pub(super) async fn health<S: Store>(tracker: &Tracker<S>, metric: &str) -> (Rating, String) {
    let rows = tracker.system_health().await.unwrap();
    let row = rows.into_iter().find(|row| row.health_metric == metric).unwrap();
    (row.current_status, row.details)
}

pub(super) async fn of_an_empty_store<F: Factory>(bench: &mut Bench<F>) {
    let rows = bench.tracker().enterprise_dashboard().await.unwrap();
    let expected = [
        "total_operations_24h 0.00 count NORMAL",
        "success_rate_24h - percentage NO_DATA",
        "avg_duration_ms - milliseconds NO_DATA",
        "failed_operations_24h 0.00 count NORMAL",
        "system_health_score 100.00 percentage EXCELLENT",
        "p95_duration_ms_24h - milliseconds NO_DATA",
        "running_operations 0.00 count NORMAL",
        "stale_operations 0.00 count NORMAL",
        "ddl_operations_24h 0.00 count NORMAL",
        "total_operations 0.00 count NORMAL",
    ];
    assert_eq!(lines(&rows), expected);
    assert!(rows.iter().all(|row| row.last_updated == bench.clock.now()));
    let metrics = metric_lines(&bench.tracker().performance_metrics().await.unwrap());
    let expected = [
        "OVERALL operations_24h 0.00 NEW NO_DATA",
        "OVERALL success_rate_24h - NO_DATA NO_DATA",
        "OVERALL avg_duration_ms_24h - NO_DATA NO_DATA",
        "OVERALL p95_duration_ms_24h - NO_DATA NO_DATA",
        "OVERALL max_duration_ms_24h - NO_DATA NO_DATA",
    ];
    assert_eq!(metrics, expected);
}

pub(super) async fn dashboard_by_hand<F: Factory>(bench: &mut Bench<F>) {
    let (tracker, clock) = (bench.tracker(), &bench.clock);
    // Three running, one of them for over a day; nine of ten finished ones went well, on average in 100.11 ms.
    drop(begin(tracker, "A").await);
    clock.elapse(DAY + Duration::from_micros(1));
    for kind in ["A", "DDL_AUTO"] {
        drop(begin(tracker, kind).await);
    }
    drop(begin(tracker, "B").await);
    for ms in [10, 20, 30, 40, 100, 100, 101, 200, 300] {
        run(tracker, clock, "DDL_AUTO", true, ms).await;
    }
    run(tracker, clock, "B", false, 101).await;
    // S = 90, D = 95 (average 100.2), L = 100 (1 - 1/4) = 75: 54 + 19 + 15.
    let expected = [
        "total_operations_24h 13.00 count NORMAL",
        "success_rate_24h 90.00 percentage WARNING",
        "avg_duration_ms 100.20 milliseconds GOOD",
        "failed_operations_24h 1.00 count WARNING",
        "system_health_score 88.00 percentage WARNING",
        "p95_duration_ms_24h 300.00 milliseconds GOOD",
        "running_operations 4.00 count NORMAL",
        "stale_operations 1.00 count WARNING",
        "ddl_operations_24h 10.00 count NORMAL",
        "total_operations 14.00 count NORMAL",
    ];
    assert_eq!(lines(&tracker.enterprise_dashboard().await.unwrap()), expected);
}

pub(super) async fn metrics_by_hand<F: Factory>(bench: &mut Bench<F>) {
    let (tracker, clock) = (bench.tracker(), &bench.clock);
    for ms in [100, 200] {
        run(tracker, clock, "b", true, ms).await;
    }
    run(tracker, clock, "gone", true, 60).await;
    clock.elapse(DAY);
    for ms in [104, 211, 211] {
        run(tracker, clock, "b", true, ms).await;
    }
    run(tracker, clock, "Z", false, 9).await;
    drop(begin(tracker, "a").await);
    let expected = [
        "OVERALL operations_24h 5.00 UP POOR",
        "OVERALL success_rate_24h 75.00 DOWN POOR",
        "OVERALL avg_duration_ms_24h 133.75 UP POOR",
        "OVERALL p95_duration_ms_24h 210.00 STABLE POOR",
        "OVERALL max_duration_ms_24h 211.00 UP POOR",
        "Z operations_24h 1.00 NEW POOR",
        "Z success_rate_24h 0.00 NEW POOR",
        "Z avg_duration_ms_24h 9.00 NEW POOR",
        "Z p95_duration_ms_24h 9.00 NEW POOR",
        "Z max_duration_ms_24h 9.00 NEW POOR",
        "a operations_24h 1.00 NEW NO_DATA",
        "a success_rate_24h - NO_DATA NO_DATA",
        "a avg_duration_ms_24h - NO_DATA NO_DATA",
        "a p95_duration_ms_24h - NO_DATA NO_DATA",
        "a max_duration_ms_24h - NO_DATA NO_DATA",
        "b operations_24h 3.00 UP GOOD",
        "b success_rate_24h 100.00 STABLE GOOD",
        "b avg_duration_ms_24h 175.33 UP GOOD",
        "b p95_duration_ms_24h 210.00 STABLE GOOD",
        "b max_duration_ms_24h 211.00 UP GOOD",
    ];
    assert_eq!(metric_lines(&tracker.performance_metrics().await.unwrap()), expected);
}

pub(super) async fn trends<F: Factory>(bench: &mut Bench<F>) {
    let (tracker, clock) = (bench.tracker(), &bench.clock);
    // Within 5 % of the earlier value is STABLE, both ends included.
    for (earlier, now, expected) in [
        (100, 105, "STABLE"),
        (100, 106, "UP"),
        (100, 95, "STABLE"),
        (100, 94, "DOWN"),
        (0, 0, "STABLE"),
        (0, 1, "UP"),
        (1, 0, "DOWN"),
    ] {
        clock.elapse(10 * DAY);
        run(tracker, clock, "A", true, earlier).await;
        clock.elapse(DAY);
        run(tracker, clock, "A", true, now).await;
        let rows = tracker.performance_metrics().await.unwrap();
        let trend = |name: &str| rows.iter().find(|row| row.metric_name == name).unwrap().trend_direction.as_str();
        for name in ["avg_duration_ms_24h", "p95_duration_ms_24h", "max_duration_ms_24h"] {
            assert_eq!(trend(name), expected, "{name} from {earlier} to {now}");
        }
        assert_eq!((trend("operations_24h"), trend("success_rate_24h")), ("STABLE", "STABLE"));
    }
    clock.elapse(DAY);
    let rows = tracker.performance_metrics().await.unwrap();
    let trends: Vec<_> = rows.iter().map(|row| row.trend_direction.as_str()).collect();
    assert_eq!(trends, ["DOWN", "NO_DATA", "NO_DATA", "NO_DATA", "NO_DATA"]);
}

async fn counts<S: Store>(tracker: &Tracker<S>, at: Timestamp) -> (u64, u64) {
    let activity = tracker.activity(at).await.unwrap();
    let sum = |tallies: std::collections::BTreeMap<String, opledger::report::Tally>| {
        tallies.values().map(|tally| tally.operations).sum()
    };
    (sum(activity.last), sum(activity.before))
}

pub(super) async fn edges_to_the_microsecond<F: Factory>(bench: &mut Bench<F>) {
    let (tracker, clock) = (bench.tracker(), &bench.clock);
    // At odd moments, so that no edge falls on a minute or an hour.
    for base in [1_705_320_000_000_000, 1_705_321_234_567_891, 1_705_322_459_999_999] {
        let at = Timestamp::from_micros(base);
        run_at(tracker, clock, at, "A", (true, 1)).await;
        let micro = Duration::from_micros(1);
        let day = at.after(DAY);
        let earlier = counts(tracker, at.before(micro)).await;
        assert!(earlier.0 >= 1, "what starts after the report's instant counts");
        clock.set(at);
        let others = |shift: Duration| {
            let tracker = tracker.clone();
            async move { counts(&tracker, at.after(shift)).await }
        };
        let (inside, edge) = (others(DAY - micro).await, others(DAY).await);
        assert_eq!((inside.0 - edge.0, edge.1 - inside.1), (1, 1), "exactly 24 hours old is in the window before");
        let (inside, edge) =
            (counts(tracker, day.after(DAY).before(micro)).await, counts(tracker, day.after(DAY)).await);
        assert_eq!(inside.1 - edge.1, 1, "exactly 48 hours old is in no window");
    }
}

pub(super) async fn the_future_counts<F: Factory>(bench: &mut Bench<F>) {
    let (tracker, clock) = (bench.tracker(), &bench.clock);
    let now = clock.now();
    for days in [1, 30, 3650] {
        run_at(tracker, clock, now.after(days * DAY), "A", (true, 7)).await;
    }
    assert_eq!(figure(tracker, "total_operations_24h").await.0, "3.00");
    assert_eq!(figure(tracker, "avg_duration_ms").await.0, "7.00");
}

pub(super) async fn stale_operations<F: Factory>(bench: &mut Bench<F>) {
    let (tracker, clock) = (bench.tracker(), &bench.clock);
    let handle = begin(tracker, "A").await;
    clock.elapse(DAY);
    assert_eq!(figure(tracker, "stale_operations").await, ("0.00".to_owned(), Rating::Normal));
    assert_eq!(figure(tracker, "total_operations_24h").await.0, "0.00");
    clock.jump(1);
    assert_eq!(figure(tracker, "stale_operations").await, ("1.00".to_owned(), Rating::Warning));
    assert_eq!(figure(tracker, "running_operations").await.0, "1.00");
    // It ends late: counted where it started, so not in this window.
    handle.complete().await.unwrap();
    assert_eq!(figure(tracker, "stale_operations").await.0, "0.00");
    assert_eq!(figure(tracker, "running_operations").await.0, "0.00");
    assert_eq!(figure(tracker, "success_rate_24h").await, ("-".to_owned(), Rating::NoData));
    assert_eq!(counts(tracker, clock.now()).await, (0, 1));
}

pub(super) async fn health_by_hand<F: Factory>(bench: &mut Bench<F>) {
    let (tracker, clock) = (bench.tracker(), &bench.clock);
    drop(begin(tracker, "A").await);
    clock.elapse(DAY + DAY);
    run(tracker, clock, "A", true, 1).await;
    run(tracker, clock, "A", true, 2).await;
    run(tracker, clock, "A", false, 5).await;
    let rows = tracker.system_health().await.unwrap();
    let found: Vec<_> = rows
        .iter()
        .filter(|row| row.health_metric != "size" && !["CAPTURE", "LOG"].contains(&row.health_category))
        .map(|row| format!("{} {} {}: {}", row.health_category, row.health_metric, row.current_status, row.details))
        .collect();
    let expected = [
        "PERFORMANCE average_duration EXCELLENT: The average of 3 durations in 24 hours is 2.67 ms.",
        "PERFORMANCE p95_duration EXCELLENT: The 95th percentile of 3 durations in 24 hours is 5.00 ms.",
        "RELIABILITY success_rate POOR: 66.67 % of 3 finished operations in 24 hours succeeded.",
        "RELIABILITY recent_failures POOR: 1 of 3 finished operations in 24 hours failed.",
        "LIVENESS stale_operations WARNING: 1 of 1 running operations started over 24 hours ago.",
        "INTEGRITY orphan_versions GOOD: Never verified: run verify.",
        "INTEGRITY open_versions GOOD: Never verified: run verify.",
        "INTEGRITY hash_mismatches GOOD: Never verified: run verify.",
        "STORAGE operations EXCELLENT: 4 operations are stored.",
    ];
    assert_eq!(found, expected);
    let size = rows.iter().find(|row| row.health_metric == "size").unwrap();
    assert_eq!((size.health_category, size.current_status), ("STORAGE", Rating::Excellent));
    assert!(rows.iter().all(|row| row.last_checked == clock.now()));
}

pub(super) async fn percentile<F: Factory>(bench: &mut Bench<F>) {
    let (tracker, clock) = (bench.tracker(), &bench.clock);
    // Nearest rank: of 19 the 19th, of 20 the 19th, of 21 the 20th.
    for n in 1..=21 {
        run(tracker, clock, "A", n % 2 == 0, n).await;
        let expected = match n {
            19 => "19.00",
            20 => "19.00",
            21 => "20.00",
            _ => continue,
        };
        assert_eq!(figure(tracker, "p95_duration_ms_24h").await.0, expected, "of 1 to {n} ms");
    }
    // Rounded down to 7 significant bits.
    for (ms, expected) in [(127, "127.00"), (129, "128.00"), (1023, "1016.00"), (1_000_000, "999424.00")] {
        clock.elapse(DAY);
        run(tracker, clock, "A", true, ms).await;
        assert_eq!(figure(tracker, "p95_duration_ms_24h").await.0, expected);
    }
}
