//! What may wait is bounded.

use std::time::Duration;

use opledger::sync::{Cause, Limits, Policy};
use opledger::{ErrorKind, NewOperation, Status, Tracker};
use opledger_memory::MemoryStore;
use opledger_testkit::{ManualClock, check_invariants};
use pollster::block_on;

use super::{noon, operations, sync, work};

const NONE: Limits = Limits { versions: None, bytes: None, age: None, policy: Policy::Refuse };

fn limited(limits: Limits) -> (Tracker<MemoryStore>, ManualClock) {
    let clock = ManualClock::new(noon());
    let builder = Tracker::builder().clock(clock.clone()).record_source("agent").backlog(limits);
    (builder.build(MemoryStore::new()), clock)
}

#[test]
fn a_full_backlog_refuses_new_operations_until_a_sync() {
    let (tracker, _) = limited(Limits { versions: Some(10), ..NONE });
    let running = block_on(tracker.track_operation("running", "MANUAL")).unwrap();
    for n in 0..4 {
        work(&tracker, &format!("job {n}"), true);
    }
    let _tenth = block_on(tracker.track_operation("tenth", "MANUAL")).unwrap();
    let error = block_on(tracker.track_operation("one more", "MANUAL")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BacklogFull);
    assert_eq!(error.kind().sqlstate(), "53400");
    assert!(error.message().contains("10 versions wait (limit 10)"), "{error}");
    assert_eq!(operations(tracker.store()).len(), 6, "nothing was recorded");
    block_on(running.complete()).unwrap();
    let server = MemoryStore::new();
    sync(&tracker, &server);
    work(&tracker, "again", true);
}

#[test]
fn bytes_and_age_are_limits_too() {
    let (tracker, _) = limited(Limits { bytes: Some(3000), ..NONE });
    let large = NewOperation::new("large").sql_command("x".repeat(4000));
    let _running = block_on(tracker.start(large)).unwrap();
    let error = block_on(tracker.track_operation("one more", "MANUAL")).unwrap_err();
    assert!(error.kind() == ErrorKind::BacklogFull && error.message().contains("bytes wait (limit 3000)"), "{error}");

    let (tracker, clock) = limited(Limits { age: Some(Duration::from_secs(3600)), ..NONE });
    work(&tracker, "old", true);
    work(&tracker, "as old", true);
    clock.elapse(Duration::from_secs(3601));
    let error = block_on(tracker.track_operation("one more", "MANUAL")).unwrap_err();
    assert!(error.kind() == ErrorKind::BacklogFull && error.message().contains("(limit 3600 s)"), "{error}");
    sync(&tracker, &MemoryStore::new());
    work(&tracker, "now it goes", true);
}

#[test]
fn the_oldest_successes_leave_first_then_failures_then_running_ones() {
    let (tracker, clock) = limited(Limits { versions: Some(100), policy: Policy::Drop, ..NONE });
    let mut names = Vec::new();
    let mut running = Vec::new();
    for n in 0..200 {
        clock.elapse(Duration::from_secs(1));
        match n % 10 {
            0 => running.push(block_on(tracker.track_operation(&format!("running {n}"), "MANUAL")).unwrap()),
            1 => {
                names.push(work(&tracker, &format!("failed {n}"), false));
            }
            _ => {
                work(&tracker, &format!("success {n}"), true);
            }
        }
    }
    let left = operations(tracker.store());
    let count = |status| left.iter().filter(|operation| operation.open.attributes.execution_status == status).count();
    assert_eq!((count(Status::Running), count(Status::Failed)), (20, 20), "failures and running ones stayed");
    let oldest_success = left
        .iter()
        .filter(|operation| operation.open.attributes.execution_status == Status::Completed)
        .map(|operation| operation.open.attributes.execution_timestamp)
        .min();
    assert!(oldest_success > Some(noon().after(Duration::from_secs(150))), "{oldest_success:?}");

    // What left is on record, to the operation, here and after a sync there.
    let server = super::tracker(MemoryStore::new(), &clock);
    let passed = sync(&tracker, server.store());
    for side in [&tracker, &server] {
        let status = block_on(side.sync_status()).unwrap();
        let dropped: u64 = status.shown_gaps.iter().map(|gap| gap.operations).sum();
        let versions: u64 = status.shown_gaps.iter().map(|gap| gap.versions).sum();
        assert_eq!(usize::try_from(dropped).unwrap() + left.len(), 200);
        assert_eq!(versions, 2 * dropped);
        assert!(status.shown_gaps.iter().all(|gap| gap.cause == Cause::Backlog && gap.completed == gap.operations));
        let first = status.shown_gaps.iter().filter_map(|gap| gap.from).min();
        assert_eq!(first, Some(noon().after(Duration::from_secs(3))), "the first success");
        assert_eq!(passed.gaps, status.gaps, "and no hole is left unexplained");
    }
    block_on(check_invariants(&tracker));
    block_on(check_invariants(&server));
}

#[test]
fn when_only_running_ones_are_left_they_go_last() {
    let (tracker, _) = limited(Limits { versions: Some(20), policy: Policy::Drop, ..NONE });
    for n in 0..60 {
        if n % 3 == 0 {
            work(&tracker, &format!("failed {n}"), false);
        } else {
            let _ = block_on(tracker.track_operation(&format!("running {n}"), "MANUAL")).unwrap();
        }
    }
    let status = block_on(tracker.sync_status()).unwrap();
    let sum = |count: fn(&opledger::sync::Gap) -> u64| -> u64 { status.shown_gaps.iter().map(count).sum() };
    assert_eq!(sum(|gap| gap.completed), 0);
    assert!(sum(|gap| gap.failed) > 0 && sum(|gap| gap.running) > 0);
    assert_eq!(usize::try_from(sum(|gap| gap.operations)).unwrap() + operations(tracker.store()).len(), 60);
}

#[test]
fn what_is_acknowledged_counts_no_more_and_is_never_dropped() {
    let (tracker, clock) = limited(Limits { versions: Some(50), policy: Policy::Drop, ..NONE });
    let server = MemoryStore::new();
    for round in 0..30 {
        for n in 0..20 {
            work(&tracker, &format!("job {round} {n}"), true);
        }
        clock.elapse(Duration::from_secs(60));
        sync(&tracker, &server);
    }
    assert_eq!(operations(tracker.store()).len(), 600);
    assert_eq!(block_on(tracker.sync_status()).unwrap().gaps, 0);
}
