//! Units are atomic, judged in order, and may be sent again.

use std::time::{Duration, Instant};

use opledger::intent::{Intent, Verdict};
use opledger::model::UnitId;
use opledger::store::{Change, Outcome, Refusal, Unit};
use opledger::{Additions, Hash, NewOperation, Operation, Outcome as Ending, Status, Store, Tracker, Version};

use super::chain::says;
use crate::bench::begin;
use crate::{Bench, Factory};

fn unit(intent: &Intent, current: Option<&Operation>) -> Unit {
    match intent.judge(current).unwrap() {
        Verdict::Change(unit) => *unit,
        other => panic!("{other:?}"),
    }
}

fn start<S: Store>(tracker: &Tracker<S>, name: &str) -> Unit {
    unit(&Intent::Start(tracker.start_intent(NewOperation::new(name)).unwrap()), None)
}

fn hash_key_of(unit: &Unit) -> Hash {
    match &unit.change {
        Change::Start { hub, .. } => hub.script_execution_hk,
        other => panic!("{other:?}"),
    }
}

/// The operation that a start makes.
fn started(start: &Unit) -> Operation {
    let Change::Start { hub, first } = &start.change else { panic!("no start") };
    let open = Version {
        script_execution_hk: hub.script_execution_hk,
        load_date: first.load_date,
        load_end_date: None,
        hash_diff: first.hash_diff,
        attributes: first.attributes.clone(),
        record_source: first.record_source.clone(),
        tenant: hub.tenant,
        position: opledger::Position::START,
        unit: start.id,
    };
    Operation { hub: hub.clone(), open }
}

fn finish<S: Store>(tracker: &Tracker<S>, operation: &Operation) -> Unit {
    let hk = operation.hub.script_execution_hk;
    unit(&tracker.finish_intent(hk, Ending::Success, Additions::default()).unwrap(), Some(operation))
}

fn annotate<S: Store>(tracker: &Tracker<S>, operation: &Operation, value: &str) -> Unit {
    let hk = operation.hub.script_execution_hk;
    unit(&tracker.annotate_intent(hk, says("value", value)).unwrap(), Some(operation))
}

async fn commit_one<S: Store>(tracker: &Tracker<S>, unit: &Unit) -> Outcome {
    let outcomes = tracker.store().commit(vec![unit.clone()]).await.unwrap();
    assert_eq!(outcomes.len(), 1);
    outcomes[0]
}

pub(super) async fn are_judged_in_order<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    assert_eq!(tracker.store().commit(Vec::new()).await.unwrap(), []);
    let first = start(tracker, "one after the other");
    let operation = started(&first);
    let hk = hash_key_of(&first);
    let last = finish(tracker, &operation);
    let outcomes = tracker.store().commit(vec![last.clone(), first, last]).await.unwrap();
    assert_eq!(outcomes[0], Outcome::Refused(Refusal::Unknown));
    let (Outcome::Done(a), Outcome::Done(b)) = (outcomes[1], outcomes[2]) else { panic!("{outcomes:?}") };
    assert!(a < b);
    let versions = tracker.versions(hk).await.unwrap().rows;
    assert_eq!(versions.iter().map(|version| version.position).collect::<Vec<_>>(), [a, b]);
}

pub(super) async fn a_conflict_fails_no_other<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let (one, two) = (start(tracker, "one"), start(tracker, "two"));
    let mut thief = two.clone();
    thief.id = UnitId::random().unwrap();
    if let (Change::Start { hub, .. }, Change::Start { hub: taken, .. }) = (&mut thief.change, &one.change) {
        *hub = taken.clone();
    }
    let nowhere = finish(tracker, &started(&start(tracker, "never started")));
    let outcomes = tracker.store().commit(vec![one.clone(), thief, nowhere, two.clone()]).await.unwrap();
    assert!(matches!(outcomes[0], Outcome::Done(_)), "{outcomes:?}");
    assert!(matches!(outcomes[1], Outcome::Conflict { .. }), "{outcomes:?}");
    assert_eq!(outcomes[2], Outcome::Refused(Refusal::Unknown));
    assert!(matches!(outcomes[3], Outcome::Done(_)), "{outcomes:?}");
    for unit in [one, two] {
        let stored = tracker.operation(hash_key_of(&unit)).await.unwrap().unwrap();
        assert_eq!(stored.open.unit, unit.id);
    }
}

pub(super) async fn replays_add_nothing<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let first = start(tracker, "sent twice");
    let operation = started(&first);
    let hk = hash_key_of(&first);
    let Outcome::Done(began) = commit_one(tracker, &first).await else { panic!("not started") };
    assert_eq!(commit_one(tracker, &first).await, Outcome::Replayed(began));
    let second = annotate(tracker, &operation, "a");
    let Outcome::Done(annotated) = commit_one(tracker, &second).await else { panic!("not annotated") };
    let current = tracker.operation(hk).await.unwrap().unwrap();
    let third = finish(tracker, &current);
    let Outcome::Done(ended) = commit_one(tracker, &third).await else { panic!("not ended") };
    bench.reopen().await;
    let tracker = bench.tracker();
    let outcomes = tracker.store().commit(vec![first, second.clone(), third.clone(), second]).await.unwrap();
    let expected = [began, annotated, ended, annotated].map(Outcome::Replayed);
    assert_eq!(outcomes, expected);
    assert_eq!(tracker.versions(hk).await.unwrap().rows.len(), 3);
}

/// Where both come in one commit, a store may write the first version closed; what becomes of one is still not the other's.
pub(super) async fn a_start_and_its_end_in_one_commit<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let starts = ["began before", "new", "of other content"].map(|name| start(tracker, name));
    for known in [&starts[0], &starts[2]] {
        commit_one(tracker, known).await;
    }
    let [before, new, mut other] = starts;
    let Change::Start { first, .. } = &mut other.change else { panic!("no start") };
    let mut attributes = first.attributes.clone();
    attributes.sql_command = Some("something else".to_owned());
    *first = opledger::store::State::new(first.load_date, attributes, first.record_source.clone());
    other.id = UnitId::random().unwrap();
    let with_its_end = |first| {
        let end = finish(tracker, &started(&first));
        [first, end]
    };
    let units: Vec<_> = [other, new, before].into_iter().flat_map(with_its_end).collect();
    for again in [false, true] {
        let outcomes = tracker.store().commit(units.clone()).await.unwrap();
        let fits = |outcome: &Outcome, is_replay: bool| match outcome {
            Outcome::Done(_) => !is_replay,
            Outcome::Replayed(_) => is_replay,
            _ => false,
        };
        assert!(matches!(outcomes[0], Outcome::Conflict { .. }), "{outcomes:?}");
        assert_eq!(outcomes[1], Outcome::Refused(Refusal::Moved));
        assert!(fits(&outcomes[2], again) && fits(&outcomes[3], again), "{outcomes:?}");
        assert!(fits(&outcomes[4], true) && fits(&outcomes[5], again), "{outcomes:?}");
    }
    for (first, count) in [(&units[0], 1), (&units[2], 2), (&units[4], 2)] {
        let versions = tracker.versions(hash_key_of(first)).await.unwrap().rows;
        assert_eq!(versions.len(), count);
        let ends: Vec<_> = versions.iter().map(|version| version.load_end_date).collect();
        let nexts = versions.iter().skip(1).map(|version| Some(version.load_date)).chain([None]);
        assert_eq!(ends, nexts.collect::<Vec<_>>());
        assert!(versions.is_sorted_by_key(|version| version.position));
    }
}

pub(super) async fn other_content_conflicts_with_both_hashes<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let first = start(tracker, "contested");
    commit_one(tracker, &first).await;
    let Change::Start { hub, first: state } = &first.change else { panic!("no start") };
    let mut attributes = state.attributes.clone();
    attributes.sql_command = Some("something else".to_owned());
    let other = opledger::store::State::new(state.load_date, attributes, state.record_source.clone());
    let (ours, theirs) = (other.hash_diff, Some(state.hash_diff));
    for id in [first.id, UnitId::random().unwrap()] {
        let change = Change::Start { hub: hub.clone(), first: other.clone() };
        assert_eq!(commit_one(tracker, &Unit { id, change }).await, Outcome::Conflict { ours, theirs });
    }
    // The same unit of an operation with other content, after it moved on.
    let said = annotate(tracker, &started(&first), "a");
    commit_one(tracker, &said).await;
    let mut changed = annotate(tracker, &started(&first), "b");
    changed.id = said.id;
    let (Change::Append { next: ours, .. }, Change::Append { next: theirs, .. }) = (&changed.change, &said.change)
    else {
        panic!("no appends")
    };
    let expected = Outcome::Conflict { ours: ours.hash_diff, theirs: Some(theirs.hash_diff) };
    assert_eq!(commit_one(tracker, &changed).await, expected);
    assert_eq!(tracker.versions(hash_key_of(&first)).await.unwrap().rows.len(), 2);
}

/// Two starts of one name in one microsecond drew the same six hex digits. The second was taken for a retry of the first, and was
/// not recorded.
pub(super) async fn the_same_start_by_another_unit_conflicts<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let first = start(tracker, "contested");
    let hash = started(&first).open.hash_diff;
    let another = Unit { id: UnitId::random().unwrap(), ..first.clone() };
    let conflict = Outcome::Conflict { ours: hash, theirs: Some(hash) };
    let outcomes = tracker.store().commit(vec![first.clone(), another.clone()]).await.unwrap();
    assert_eq!(outcomes[1], conflict);
    let said = annotate(tracker, &started(&first), "a");
    commit_one(tracker, &said).await;
    bench.reopen().await;
    let tracker = bench.tracker();
    assert_eq!(commit_one(tracker, &another).await, conflict);
    assert!(matches!(commit_one(tracker, &first).await, Outcome::Replayed(_)));
    assert_eq!(tracker.versions(hash_key_of(&first)).await.unwrap().rows.len(), 2);
}

pub(super) async fn anothers_hash_is_not_shown<F: Factory>(bench: &mut Bench<F>) {
    let (ours, theirs) = (bench.tenant("ours"), bench.tenant("theirs"));
    let first = start(&theirs, "contested");
    commit_one(&theirs, &first).await;
    let mut stolen = first.clone();
    stolen.id = UnitId::random().unwrap();
    let Change::Start { hub, first: state } = &mut stolen.change else { panic!("no start") };
    hub.tenant = ours.scope().tenant();
    let expected = Outcome::Conflict { ours: state.hash_diff, theirs: None };
    assert_eq!(commit_one(&ours, &stolen).await, expected);
    assert_eq!(ours.operation(hash_key_of(&first)).await.unwrap(), None);
}

pub(super) async fn what_does_not_fit_is_refused<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let handle = begin(tracker, "BACKUP").await;
    let old = handle.operation().clone();
    let mut early = annotate(tracker, &old, "early");
    if let Change::Append { next, .. } = &mut early.change {
        next.load_date = old.open.load_date;
    }
    assert_eq!(commit_one(tracker, &early).await, Outcome::Refused(Refusal::NotLater));
    let mut anothers = annotate(tracker, &old, "another's");
    if let Change::Append { tenant, .. } = &mut anothers.change {
        *tenant = bench.tenant("theirs").scope().tenant();
    }
    assert_eq!(commit_one(tracker, &anothers).await, Outcome::Refused(Refusal::Unknown));
    tracker.annotate_operation(handle.hash_key(), says("value", "first")).await.unwrap();
    let slow = annotate(tracker, &old, "second");
    assert_eq!(commit_one(tracker, &slow).await, Outcome::Refused(Refusal::Moved));
    let current = tracker.operation(handle.hash_key()).await.unwrap().unwrap();
    let (one, other) = (finish(tracker, &current), finish(tracker, &current));
    assert!(matches!(commit_one(tracker, &one).await, Outcome::Done(_)));
    for unit in [&slow, &other] {
        assert_eq!(commit_one(tracker, unit).await, Outcome::Refused(Refusal::Finished));
    }
    assert_eq!(tracker.versions(handle.hash_key()).await.unwrap().rows.len(), 3);
}

pub(super) async fn a_dropped_commit_is_carried_out<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let first = start(tracker, "handed over");
    drop(tracker.store().commit(vec![first.clone()]));
    let began = Instant::now();
    loop {
        match tracker.operation(hash_key_of(&first)).await.unwrap() {
            Some(operation) => return assert_eq!(operation.open.unit, first.id),
            None => assert!(began.elapsed() < Duration::from_secs(10), "a dropped commit is lost"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(super) async fn many_units_in_one_commit<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let starts: Vec<_> = (0..300).map(|n| start(tracker, &format!("one of many, {n}"))).collect();
    let ends: Vec<_> = starts.iter().map(|first| finish(tracker, &started(first))).collect();
    let outcomes = tracker.store().commit(starts.iter().chain(&ends).cloned().collect()).await.unwrap();
    let positions: Vec<_> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Done(position) => *position,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(positions.len(), 600);
    assert!(positions.is_sorted());
    for first in starts {
        let stored = tracker.operation(hash_key_of(&first)).await.unwrap().unwrap();
        assert_eq!(stored.open.attributes.execution_status, Status::Completed);
    }
}
