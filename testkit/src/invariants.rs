//! Everything that always holds, checked over a whole store.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use opledger::report::DAY;
use opledger::store::{Answer, Entry, Key, Plan, Record, Scan};
use opledger::{Hash, Operation, Position, Scope, Status, Store, Timestamp, Tracker, Version, hash_key};

use crate::recount::{operations, records, recount};

/// What a store was found to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Operations of all tenants.
    pub operations: usize,
    /// Their versions.
    pub versions: usize,
}

/// Checks all that always holds over all rows of the tracker's store, changing nothing: chains, hashes,
/// states, the log, the orders, scopes, and that what the store counts itself equals a recount.
///
/// # Panics
/// When something does not hold.
pub async fn check_invariants<S: Store>(tracker: &Tracker<S>) -> Facts {
    let store = tracker.store();
    let all = operations(store, Scope::All, Scan::Operations { after: None }, 100).await.unwrap();
    let ascending = all.windows(2).all(|pair| key(&pair[0]) < key(&pair[1]));
    assert!(ascending, "operations are not in the order of their hash keys");
    let mut versions = BTreeMap::new();
    for operation in &all {
        for version in check_chain(store, operation).await {
            let place = version.position;
            assert!(versions.insert(place, (operation, version)).is_none(), "two versions at {place}");
        }
    }
    let scopes: BTreeSet<_> = all.iter().map(|operation| operation.hub.tenant).collect();
    let scopes = [Scope::All, Scope::System].into_iter().chain(scopes.into_iter().flatten().map(Scope::Tenant));
    let stranger = Scope::Tenant(hash_key("nobody's tenant"));
    for scope in scopes.chain([stranger]) {
        check_log(store, scope, &versions).await;
        check_history(store, scope, &all).await;
        check_scope(store, scope, &all).await;
        check_counters(store, scope, tracker.now(), &all).await;
    }
    let last = store.wait(Position::START, Duration::ZERO).await.unwrap();
    assert!(versions.keys().all(|position| *position <= last), "the log ends at {last}, before its last version");
    match store.answer(Scope::All, &Plan::Integrity).await.unwrap() {
        None => {}
        Some(Answer::Integrity(found)) => assert!(found.is_sound(), "the store's own check: {found:?}"),
        Some(other) => panic!("an answer to another question: {other:?}"),
    }
    Facts { operations: all.len(), versions: versions.len() }
}

fn key(operation: &Operation) -> Hash {
    operation.hub.script_execution_hk
}

/// The versions of an operation, after a look at each and at how they hang together.
async fn check_chain<S: Store>(store: &S, operation: &Operation) -> Vec<Version> {
    let hub = &operation.hub;
    let hk = hub.script_execution_hk;
    assert_eq!(hk, hash_key(&hub.script_execution_bk), "a hub's key");
    let scan = Scan::Versions { operation: hk, after: None };
    let versions: Vec<Version> = records(store, Scope::All, scan, 50).await.unwrap().into_iter().map(version).collect();
    for pair in versions.windows(2) {
        let (earlier, later) = (&pair[0], &pair[1]);
        assert!(earlier.load_date < later.load_date, "{hk}: load dates do not increase");
        assert_eq!(earlier.load_end_date, Some(later.load_date), "{hk}: a hole or an overlap");
        assert!(earlier.position < later.position, "{hk}: positions do not increase");
        assert_eq!(earlier.attributes.execution_status, Status::Running, "{hk}: a version after the end");
        assert_ne!(earlier.hash_diff, later.hash_diff, "{hk}: a version that says nothing new");
    }
    assert_eq!(versions.last(), Some(&operation.open), "{hk}: the open version is not the last");
    assert_eq!(operation.open.load_end_date, None, "{hk}: no version is open");
    let units: BTreeSet<_> = versions.iter().map(|version| version.unit).collect();
    assert_eq!(units.len(), versions.len(), "{hk}: a unit brought two versions");
    for version in &versions {
        assert_eq!(version.script_execution_hk, hk);
        assert_eq!(version.tenant, hub.tenant, "{hk}: a version of another tenant");
        assert_eq!(version.hash_diff, version.attributes.hash_diff(), "{hk}: hash_diff");
        assert!(version.attributes.same_operation(&operation.open.attributes), "{hk}: name, type or time changed");
        version.attributes.check().unwrap();
        let duration = version.attributes.execution_duration_ms;
        assert!(duration.is_none_or(|ms| ms >= 0), "{hk}: a duration of {duration:?}");
        let running = version.attributes.execution_status == Status::Running;
        assert!(!running || duration.is_none(), "{hk}: a duration before the end");
    }
    versions
}

fn version(record: Record) -> Version {
    match record {
        Record::Version(version) => *version,
        other => panic!("a version was expected, not {other:?}"),
    }
}

async fn check_log<S: Store>(store: &S, scope: Scope, all: &BTreeMap<Position, (&Operation, Version)>) {
    let expected: Vec<Record> = all
        .values()
        .filter(|(operation, _)| scope.sees(operation.hub.tenant))
        .map(|(operation, version)| {
            let version = Version { load_end_date: None, ..version.clone() };
            Record::Entry(Box::new(Entry { hub: Some(operation.hub.clone()), version }))
        })
        .collect();
    let found = records(store, scope, Scan::Log { after: Position::START }, 70).await.unwrap();
    assert_eq!(found.len(), expected.len(), "entries in the log of {scope:?}");
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected, "the log of {scope:?}");
    }
}

async fn check_history<S: Store>(store: &S, scope: Scope, all: &[Operation]) {
    let mut expected: Vec<_> = all.iter().filter(|operation| scope.sees(operation.hub.tenant)).collect();
    expected
        .sort_by_key(|operation| std::cmp::Reverse((operation.open.attributes.execution_timestamp, key(operation))));
    let found = operations(store, scope, Scan::HISTORY, 60).await.unwrap();
    assert_eq!(found.iter().collect::<Vec<_>>(), expected, "the history of {scope:?}");
}

async fn check_scope<S: Store>(store: &S, scope: Scope, all: &[Operation]) {
    let keys: Vec<_> = all.iter().map(|operation| Key::Operation(key(operation))).collect();
    let found = store.get(scope, &keys).await.unwrap();
    assert_eq!(found.len(), keys.len(), "answers to get");
    for (operation, found) in all.iter().zip(found) {
        let seen = scope.sees(operation.hub.tenant);
        let expected = seen.then(|| Record::Operation(Box::new(operation.clone())));
        assert_eq!(found, expected, "get as {scope:?}");
        if !seen {
            let scan = Scan::Versions { operation: key(operation), after: None };
            assert_eq!(records(store, scope, scan, 10).await.unwrap(), [], "versions seen as {scope:?}");
        }
    }
}

/// The store's own counts against a recount: now, and where windows begin and end at an operation.
async fn check_counters<S: Store>(store: &S, scope: Scope, now: Timestamp, all: &[Operation]) {
    let mut instants = BTreeSet::from([now, now.after(DAY), Timestamp::from_micros(0)]);
    for operation in all.iter().step_by(all.len().div_ceil(8).max(1)) {
        let edge = operation.open.attributes.execution_timestamp.after(DAY);
        let micro = Duration::from_micros(1);
        instants.extend([edge.before(micro), edge, edge.next(), edge.after(DAY).before(micro), edge.after(DAY)]);
    }
    for at in instants {
        match store.answer(scope, &Plan::Activity { at, window: DAY, compared: true }).await.unwrap() {
            None => return,
            Some(Answer::Activity(counted)) => {
                let recounted = recount(store, scope, at, DAY).await.unwrap();
                assert_eq!(*counted, recounted, "counters of {scope:?} at {at}");
            }
            Some(other) => panic!("an answer to another question: {other:?}"),
        }
    }
}
