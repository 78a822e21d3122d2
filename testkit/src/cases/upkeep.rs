//! Verify, and what it leaves for the health report.

use std::time::Duration;

use opledger::model::{Check, UnitId};
use opledger::report::Rating;
use opledger::store::{Change, Outcome, Record, Scan, Unit};
use opledger::{Clock, Store};

use super::chain::says;
use super::reports::health;
use crate::bench::{begin, run};
use crate::{Bench, Factory};

pub(super) async fn verify_finds_nothing<F: Factory>(bench: &mut Bench<F>) {
    for tracker in [bench.tracker().clone(), bench.tenant("a")] {
        run(&tracker, &bench.clock, "A", true, 1).await;
        let mut handle = begin(&tracker, "A").await;
        handle.annotate(says("phase", "a")).await.unwrap();
    }
    for (tracker, share) in [(bench.tracker().clone(), 1), (bench.tenant("a"), 1), (bench.tracker().for_all(), 2)] {
        bench.clock.elapse(Duration::from_secs(1));
        let found = tracker.verify().await.unwrap();
        assert!(found.is_sound(), "{:?}", found.findings);
        assert_eq!((found.operations, found.versions), (2 * share, 4 * share));
    }
    bench.reopen().await;
    let (rating, details) = health(bench.tracker(), "hash_mismatches").await;
    assert_eq!(rating, Rating::Excellent);
    assert_eq!(details, "The verify of 2024-01-15T12:00:03.000000Z found 0 hashes that differ from their content.");
}

pub(super) async fn checks_are_kept<F: Factory>(bench: &mut Bench<F>) {
    let start = bench.clock.now();
    let check = |seconds, found| Check {
        at: start.after(Duration::from_secs(seconds)),
        orphan_versions: found,
        open_versions: 0,
        hash_mismatches: 2 * found,
        other: 0,
    };
    let tracker = bench.tracker();
    let units = [check(1, 0), check(3, 4), check(2, 1)]
        .map(|check| Unit { id: UnitId::random().unwrap(), change: Change::Check(check) });
    let outcomes = tracker.store().commit(units.to_vec()).await.unwrap();
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Done(_))), "{outcomes:?}");
    let again = tracker.store().commit(vec![units[1].clone()]).await.unwrap();
    assert!(matches!(again[0], Outcome::Done(_) | Outcome::Replayed(_)), "{again:?}");
    bench.reopen().await;
    let tracker = bench.tracker();
    for limit in [1, 2, 10] {
        let found =
            crate::recount::records(tracker.store(), tracker.scope(), Scan::Checks { before: None }, limit).await;
        assert_eq!(found.unwrap(), [check(3, 4), check(2, 1), check(1, 0)].map(Record::Check), "{limit} at a time");
    }
    for (metric, rating, count) in [
        ("orphan_versions", Rating::Poor, "found 4 versions"),
        ("open_versions", Rating::Excellent, "found 0 hubs"),
        ("hash_mismatches", Rating::Poor, "found 8 hashes"),
    ] {
        let (found, details) = health(tracker, metric).await;
        assert_eq!(found, rating, "{metric}");
        assert!(details.contains(count), "{details}");
    }
    let rows = tracker.system_health().await.unwrap();
    let integrity: Vec<_> = rows.iter().filter(|row| row.health_category == "INTEGRITY").collect();
    assert!(integrity.iter().all(|row| row.last_checked == check(3, 4).at));
}
