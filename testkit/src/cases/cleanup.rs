//! Retention.

use std::time::Duration;

use opledger::report::DAY;
use opledger::store::{Purged, Scan};
use opledger::{Clock, Position, Scope, Store};

use super::chain::says;
use crate::bench::{begin, run, run_at};
use crate::recount::records;
use crate::{Bench, Factory};

pub(super) async fn has_a_sharp_edge<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let edge = bench.clock.now().before(30 * DAY);
    let older = run_at(tracker, &bench.clock, edge.before(Duration::from_micros(1)), "A", (true, 1)).await;
    let kept = run_at(tracker, &bench.clock, edge, "A", (false, 1)).await;
    assert_eq!(tracker.preview_cleanup(30).await.unwrap().operations, 1);
    assert_eq!(tracker.cleanup_old_data(30).await.unwrap().operations, 1);
    assert_eq!(tracker.operation(older).await.unwrap(), None);
    assert!(tracker.operation(kept).await.unwrap().is_some());
    assert_eq!(tracker.cleanup_old_data(30).await.unwrap().operations, 0);
    bench.clock.jump(1);
    assert_eq!(tracker.cleanup_old_data(30).await.unwrap().operations, 1);
}

pub(super) async fn leaves_running_ones<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let running = begin(tracker, "A").await;
    let hk = running.hash_key();
    run(tracker, &bench.clock, "A", true, 1).await;
    run(tracker, &bench.clock, "A", false, 1).await;
    bench.clock.elapse(400 * DAY);
    assert_eq!(tracker.preview_cleanup(365).await.unwrap().operations, 2);
    assert_eq!(tracker.cleanup_old_data(365).await.unwrap().operations, 2);
    assert!(running.complete().await.unwrap().is_recorded());
    assert_eq!(tracker.cleanup_old_data(365).await.unwrap().operations, 1);
    assert_eq!(tracker.operation(hk).await.unwrap(), None);
}

pub(super) async fn takes_all_versions<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let mut handle = begin(tracker, "A").await;
    let hk = handle.hash_key();
    for n in 0..5 {
        handle.annotate(says("n", &n.to_string())).await.unwrap();
    }
    handle.complete().await.unwrap();
    let last = tracker.store().wait(Position::START, Duration::ZERO).await.unwrap();
    bench.clock.elapse(2 * DAY);
    tracker.cleanup_old_data(1).await.unwrap();
    for scan in [Scan::HISTORY, Scan::Operations { after: None }, Scan::Log { after: Position::START }] {
        assert_eq!(records(tracker.store(), Scope::All, scan, 10).await.unwrap(), []);
    }
    assert_eq!(tracker.versions(hk).await.unwrap().rows, []);
    assert_eq!(tracker.activity(bench.clock.now()).await.unwrap(), opledger::store::Activity::default());
    bench.reopen().await;
    // Positions are not given out again.
    let hk = begin(bench.tracker(), "A").await.hash_key();
    let next = bench.tracker().operation(hk).await.unwrap().unwrap().open.position;
    assert!(next > last, "{next} after {last}");
}

pub(super) async fn works_in_batches<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    for _ in 0..10 {
        run(tracker, &bench.clock, "A", true, 1).await;
    }
    let running = begin(tracker, "A").await.hash_key();
    bench.clock.elapse(2 * DAY);
    let young = run(tracker, &bench.clock, "A", true, 1).await;
    let (store, before) = (tracker.store(), bench.clock.now());
    assert_eq!(store.purge(Scope::System, before, 4).await.unwrap(), Purged { operations: 4, more: true });
    assert_eq!(records(store, Scope::All, Scan::HISTORY, 100).await.unwrap().len(), 8);
    let mut removed = 4;
    loop {
        let purged = store.purge(Scope::System, before, 4).await.unwrap();
        removed += purged.operations;
        if !purged.more {
            break;
        }
        assert!(purged.operations > 0, "more is to come, and nothing comes");
    }
    assert_eq!(removed, 10);
    for hk in [running, young] {
        assert!(tracker.operation(hk).await.unwrap().is_some());
    }
}

pub(super) async fn refuses_bad_arguments<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    run(tracker, &bench.clock, "A", true, 1).await;
    for days in [0, -1, i64::MIN, i64::from(i32::MAX) + 1] {
        let refused = [
            tracker.cleanup_old_data(days).await.map(|_| ()).unwrap_err(),
            tracker.preview_cleanup(days).await.map(|_| ()).unwrap_err(),
        ];
        for error in refused {
            assert_eq!(error.kind().sqlstate(), "22023", "{days} days");
            assert!(error.message().contains("p_retention_days"), "{error}");
        }
    }
    assert_eq!(tracker.cleanup_old_data(i64::from(i32::MAX)).await.unwrap().operations, 0);
}
