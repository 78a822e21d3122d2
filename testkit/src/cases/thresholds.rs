//! Where one word ends and the next begins.

use opledger::report::{DAY, Rating};

use super::reports::{figure, health};
use crate::bench::{begin, run};
use crate::{Bench, Factory};

/// A new window in which so many operations succeed and fail, each taking `ms`.
async fn window<F: Factory>(bench: &Bench<F>, completed: u32, failed: u32, ms: u64) {
    bench.clock.elapse(3 * DAY);
    for n in 0..completed + failed {
        run(bench.tracker(), &bench.clock, "A", n < completed, ms).await;
    }
}

pub(super) async fn of_success<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    for (completed, failed, rate, rating) in [
        (1, 0, "100.00", Rating::Excellent),
        (21, 1, "95.45", Rating::Excellent),
        (19, 1, "95.00", Rating::Good),
        (10, 1, "90.91", Rating::Good),
        (9, 1, "90.00", Rating::Warning),
        (5, 1, "83.33", Rating::Warning),
        (4, 1, "80.00", Rating::Poor),
        (0, 1, "0.00", Rating::Poor),
    ] {
        window(bench, completed, failed, 1).await;
        assert_eq!(figure(tracker, "success_rate_24h").await, (rate.to_owned(), rating));
        assert_eq!(health(tracker, "success_rate").await.0, rating);
    }
    window(bench, 0, 0, 0).await;
    assert_eq!(figure(tracker, "success_rate_24h").await, ("-".to_owned(), Rating::NoData));
    assert_eq!(health(tracker, "success_rate").await.0, Rating::Good);
}

pub(super) async fn of_failures<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    for (completed, failed, dashboard, in_health) in [
        (0, 0, Rating::Normal, Rating::Excellent),
        (3, 0, Rating::Normal, Rating::Excellent),
        (20, 1, Rating::Warning, Rating::Good),
        (19, 1, Rating::Warning, Rating::Warning),
        (5, 1, Rating::Warning, Rating::Warning),
        (4, 1, Rating::Poor, Rating::Poor),
        (0, 2, Rating::Poor, Rating::Poor),
    ] {
        window(bench, completed, failed, 1).await;
        assert_eq!(figure(tracker, "failed_operations_24h").await, (format!("{failed}.00"), dashboard));
        assert_eq!(health(tracker, "recent_failures").await.0, in_health, "{failed} beside {completed}");
    }
}

pub(super) async fn of_durations<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    for (ms, rating) in [
        (0, Rating::Excellent),
        (9, Rating::Excellent),
        (10, Rating::Good),
        (496, Rating::Good),
        (500, Rating::Warning),
        (992, Rating::Warning),
        (1000, Rating::Poor),
    ] {
        window(bench, 1, 0, ms).await;
        for name in ["avg_duration_ms", "p95_duration_ms_24h"] {
            assert_eq!(figure(tracker, name).await, (format!("{ms}.00"), rating));
        }
        for metric in ["average_duration", "p95_duration"] {
            assert_eq!(health(tracker, metric).await.0, rating, "{metric} of {ms} ms");
        }
    }
    // Compared before rounding: 9.996 is below 10.
    window(bench, 249, 0, 10).await;
    run(tracker, &bench.clock, "A", true, 9).await;
    assert_eq!(figure(tracker, "avg_duration_ms").await, ("10.00".to_owned(), Rating::Excellent));
    window(bench, 0, 0, 0).await;
    assert_eq!(health(tracker, "average_duration").await.0, Rating::Good);
    assert_eq!(health(tracker, "p95_duration").await.0, Rating::Good);
}

pub(super) async fn of_performance<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    for (completed, failed, ms, rating) in [
        (1, 0, 99, Rating::Excellent),
        (1, 0, 100, Rating::Good),
        (19, 1, 1, Rating::Good),
        (1, 0, 499, Rating::Good),
        (1, 0, 500, Rating::Warning),
        (9, 1, 1, Rating::Warning),
        (1, 0, 999, Rating::Warning),
        (1, 0, 1000, Rating::Poor),
        (4, 1, 1, Rating::Poor),
        (0, 0, 0, Rating::NoData),
    ] {
        window(bench, completed, failed, ms).await;
        let rows = tracker.performance_metrics().await.unwrap();
        let found = rows.iter().all(|row| row.performance_rating == rating);
        assert!(found, "{completed} and {failed} of {ms} ms are {rating}, not {:?}", rows[0]);
    }
}

pub(super) async fn of_staleness<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    assert_eq!(health(tracker, "stale_operations").await.0, Rating::Excellent);
    for n in 1..=10 {
        drop(begin(tracker, "A").await);
        bench.clock.elapse(2 * DAY);
        let expected = if n < 10 { Rating::Warning } else { Rating::Poor };
        assert_eq!(health(tracker, "stale_operations").await.0, expected, "{n} stale");
        assert_eq!(figure(tracker, "stale_operations").await.1, Rating::Warning);
    }
}
