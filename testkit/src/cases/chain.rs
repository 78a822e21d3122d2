//! Versions of one operation hang together.

use std::time::Duration;

use opledger::hash::Metadata;
use opledger::store::{Change, Outcome, State, Unit};
use opledger::{Additions, Clock, Completion, Status, Store, Timestamp};

use crate::bench::begin;
use crate::{Bench, Factory};

/// Additions of one metadata entry.
pub(super) fn says(key: &str, value: &str) -> Additions {
    let metadata = Metadata::from_pairs([(key, value)]).unwrap();
    Additions { metadata: Some(metadata), ..Additions::default() }
}

pub(super) async fn a_start_is_one_open_version<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let handle = begin(tracker, "BACKUP").await;
    let stored = tracker.operation(handle.hash_key()).await.unwrap().unwrap();
    assert_eq!(&stored, handle.operation());
    assert_eq!(stored.open.attributes.execution_status, Status::Running);
    assert_eq!(stored.open.attributes.execution_timestamp, bench.clock.now());
    assert_eq!(stored.open.load_date, bench.clock.now());
    assert!(stored.hub.script_execution_bk.starts_with("a BACKUP_2024-01-15_12:00:00.000000_"));
    assert_eq!(tracker.versions(handle.hash_key()).await.unwrap().rows, [stored.open]);
}

pub(super) async fn versions_leave_no_hole<F: Factory>(bench: &mut Bench<F>) {
    let mut handle = begin(bench.tracker(), "BACKUP").await;
    let hk = handle.hash_key();
    for n in 0..5 {
        bench.clock.elapse(Duration::from_secs(1));
        assert!(handle.annotate(says("step", &n.to_string())).await.unwrap().is_recorded());
    }
    bench.clock.elapse(Duration::from_secs(1));
    handle.complete().await.unwrap();
    let versions = bench.tracker().versions(hk).await.unwrap().rows;
    assert_eq!(versions.len(), 7);
    for pair in versions.windows(2) {
        assert_eq!(pair[0].load_end_date, Some(pair[1].load_date));
        assert_eq!(pair[1].load_date, pair[0].load_date.after(Duration::from_secs(1)));
    }
    assert_eq!(versions[6].load_end_date, None);
}

pub(super) async fn load_dates_increase_whatever_the_clock_does<F: Factory>(bench: &mut Bench<F>) {
    let mut handle = begin(bench.tracker(), "BACKUP").await;
    let began = bench.clock.now();
    for (n, jump) in [0, -1, -3_600_000_000, 0, 5].into_iter().enumerate() {
        bench.clock.jump(jump);
        handle.annotate(says("step", &n.to_string())).await.unwrap();
    }
    let hk = handle.hash_key();
    handle.complete().await.unwrap();
    let loaded: Vec<_> = bench.tracker().versions(hk).await.unwrap().rows.iter().map(|v| v.load_date).collect();
    let expected: Vec<_> = (0..7).map(|n| began.after(Duration::from_micros(n))).collect();
    assert_eq!(loaded, expected);
}

pub(super) async fn a_b_a_is_three_versions<F: Factory>(bench: &mut Bench<F>) {
    let mut handle = begin(bench.tracker(), "BACKUP").await;
    for value in ["a", "b", "a"] {
        handle.annotate(says("phase", value)).await.unwrap();
    }
    let versions = bench.tracker().versions(handle.hash_key()).await.unwrap().rows;
    assert_eq!(versions.len(), 4);
    assert_eq!(versions[1].hash_diff, versions[3].hash_diff);
    assert_ne!(versions[1].hash_diff, versions[2].hash_diff);
}

pub(super) async fn an_equal_annotation_adds_nothing<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let mut handle = begin(tracker, "BACKUP").await;
    let hk = handle.hash_key();
    for _ in 0..3 {
        bench.clock.elapse(Duration::from_secs(1));
        assert!(handle.annotate(says("phase", "a")).await.unwrap().is_recorded());
        assert!(tracker.annotate_operation(hk, says("phase", "a")).await.unwrap().is_recorded());
        assert!(tracker.annotate_operation(hk, Additions::default()).await.unwrap().is_recorded());
    }
    assert_eq!(tracker.versions(hk).await.unwrap().rows.len(), 2);
}

/// What the handle last knew is not what stands: its annotation counts all the same.
pub(super) async fn a_stale_handle_adds_what_it_says<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let mut handle = begin(tracker, "BACKUP").await;
    let hk = handle.hash_key();
    handle.annotate(says("phase", "a")).await.unwrap();
    tracker.annotate_operation(hk, says("phase", "b")).await.unwrap();
    assert_eq!(handle.annotate(says("phase", "a")).await.unwrap(), Completion::Recorded);
    let open = tracker.operation(hk).await.unwrap().unwrap().open;
    assert_eq!(open.attributes.metadata.unwrap().as_str(), r#"{"phase": "a"}"#);
    assert_eq!(tracker.versions(hk).await.unwrap().rows.len(), 4);
}

pub(super) async fn another_name_type_or_time_conflicts<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let handle = begin(tracker, "BACKUP").await;
    let open = &handle.operation().open;
    for field in 0..3 {
        let mut changed = open.attributes.clone();
        match field {
            0 => changed.script_name.push('!'),
            1 => changed.script_type.push('!'),
            _ => changed.execution_timestamp = changed.execution_timestamp.next(),
        }
        let next = State::new(open.load_date.next(), changed, "testkit".to_owned());
        let (ours, theirs) = (next.hash_diff, Some(open.hash_diff));
        let change = Change::Append {
            operation: handle.hash_key(),
            tenant: None,
            expect_open: (open.load_date, open.hash_diff),
            next,
        };
        let unit = Unit { id: opledger::model::UnitId::random().unwrap(), change };
        let outcomes = tracker.store().commit(vec![unit]).await.unwrap();
        assert_eq!(outcomes, [Outcome::Conflict { ours, theirs }], "field {field}");
    }
    assert_eq!(tracker.versions(handle.hash_key()).await.unwrap().rows.len(), 1);
}

pub(super) async fn operation_at_each_moment<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let mut handle = begin(tracker, "BACKUP").await;
    let hk = handle.hash_key();
    let began = bench.clock.now();
    bench.clock.elapse(Duration::from_secs(60));
    handle.annotate(says("phase", "a")).await.unwrap();
    bench.clock.elapse(Duration::from_secs(60));
    handle.complete().await.unwrap();
    let minute = Duration::from_secs(60);
    let micro = Duration::from_micros(1);
    let (second, third) = (began.after(minute), began.after(minute * 2));
    let moments = [
        (Timestamp::MIN, None),
        (began.before(micro), None),
        (began, Some(0)),
        (second.before(micro), Some(0)),
        (second, Some(1)),
        (third.before(micro), Some(1)),
        (third, Some(2)),
        (Timestamp::MAX, Some(2)),
    ];
    let versions = tracker.versions(hk).await.unwrap().rows;
    for (at, expected) in moments {
        let expected = expected.map(|n: usize| versions[n].clone());
        assert_eq!(tracker.operation_at(hk, at).await.unwrap(), expected, "at {at}");
    }
}
