//! Operations that are removed by name, with the document that says so.

use std::time::Duration;

use opledger::hash::Metadata;
use opledger::model::{Document, Kind, UnitId};
use opledger::store::{Change, Key, Outcome, Put, Refusal, Removal, Unit};
use opledger::{Clock, Hash, Operation, Store, Tracker};

use super::chain::says;
use crate::bench::{begin, run};
use crate::{Bench, Factory};

async fn operation<S: Store>(tracker: &Tracker<S>, hk: Hash) -> Operation {
    tracker.operation(hk).await.unwrap().unwrap()
}

fn removal<F: Factory>(bench: &Bench<F>, tracker: &Tracker<F::Store>, of: &[&Operation]) -> Unit {
    let body = Metadata::parse(&format!(r#"{{"operations": {}}}"#, of.len())).unwrap();
    let key = Hash::of("a gap");
    let gap = Document::new((Kind::Gap, key), tracker.scope().tenant(), bench.clock.now(), body, "testkit").unwrap();
    let open = |one: &&Operation| (one.hub.script_execution_hk, (one.open.load_date, one.open.hash_diff));
    let removal = Removal {
        tenant: tracker.scope().tenant(),
        operations: of.iter().map(open).collect(),
        record: Put { next: gap, expect_open: None },
    };
    Unit { id: UnitId::random().unwrap(), change: Change::Remove(removal) }
}

async fn commit_one<S: Store>(tracker: &Tracker<S>, unit: &Unit) -> Outcome {
    tracker.store().commit(vec![unit.clone()]).await.unwrap()[0]
}

async fn has_gap<S: Store>(tracker: &Tracker<S>) -> bool {
    let found = tracker.store().get(tracker.scope(), &[Key::Document(Kind::Gap, Hash::of("a gap"))]).await.unwrap();
    found[0].is_some()
}

pub(super) async fn takes_any_state_and_every_count<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker().clone();
    let ended = run(&tracker, &bench.clock, "A", true, 7).await;
    let failed = run(&tracker, &bench.clock, "A", false, 9).await;
    let stays = run(&tracker, &bench.clock, "B", true, 3).await;
    let mut running = begin(&tracker, "A").await;
    running.annotate(says("phase", "b")).await.unwrap();
    let mut gone = Vec::new();
    for hk in [ended, failed, running.hash_key()] {
        gone.push(operation(&tracker, hk).await);
    }
    let unit = removal(bench, &tracker, &gone.iter().collect::<Vec<_>>());
    assert!(matches!(commit_one(&tracker, &unit).await, Outcome::Done(_)));
    assert!(matches!(commit_one(&tracker, &unit).await, Outcome::Replayed(_)));
    drop((tracker, running));
    bench.reopen().await;
    let tracker = bench.tracker();
    for one in &gone {
        assert_eq!(tracker.operation(one.hub.script_execution_hk).await.unwrap(), None);
    }
    assert!(has_gap(tracker).await);
    let activity = tracker.activity(bench.clock.now()).await.unwrap();
    assert_eq!((activity.total, activity.running), (1, 0));
    assert_eq!(activity.last.keys().collect::<Vec<_>>(), ["B"]);
    assert_eq!(operation(tracker, stays).await.open.attributes.execution_duration_ms, Some(3));
    let found = tracker.verify().await.unwrap();
    assert!(found.is_sound(), "{:?}", found.findings);
}

pub(super) async fn is_all_or_nothing<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker().clone();
    let ended = run(&tracker, &bench.clock, "A", true, 7).await;
    let ended = operation(&tracker, ended).await;
    let mut moving = begin(&tracker, "A").await;
    let before = moving.operation().clone();
    bench.clock.elapse(Duration::from_secs(1));
    moving.annotate(says("phase", "b")).await.unwrap();
    let unit = removal(bench, &tracker, &[&ended, &before]);
    assert_eq!(commit_one(&tracker, &unit).await, Outcome::Refused(Refusal::Moved));
    let stranger = bench.tenant("a stranger");
    let unit = removal(bench, &stranger, &[&ended]);
    assert_eq!(commit_one(&stranger, &unit).await, Outcome::Refused(Refusal::Unknown));
    for one in [&ended, &before] {
        assert!(tracker.operation(one.hub.script_execution_hk).await.unwrap().is_some());
    }
    assert!(!has_gap(&tracker).await && !has_gap(&stranger).await);
    assert_eq!(tracker.activity(bench.clock.now()).await.unwrap().total, 2);
}
