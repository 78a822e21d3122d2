//! Sync and copy, over stores in memory and on disk.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of a test are not in a #[test] themselves

mod background;
mod backlog;
mod careful;
mod conflicts;
mod copy;
mod noticed;
mod picky;
mod plain;
mod postgres;
mod retention;
#[path = "../postgres/support.rs"]
#[allow(dead_code)] // each test binary uses a part of it
mod support;

use opledger::store::{Record, Scan};
use opledger::sync::{Agent, Passed};
use opledger::{Hash, NewOperation, Operation, Scope, Store, Timestamp, Tracker};
use opledger_memory::MemoryStore;
use opledger_testkit::ManualClock;
use pollster::block_on;

/// An agent's tracker on a store in memory, with a clock that the test sets.
pub(crate) fn agent() -> (Tracker<MemoryStore>, ManualClock) {
    let clock = ManualClock::new(noon());
    (tracker(MemoryStore::new(), &clock), clock)
}

pub(crate) fn noon() -> Timestamp {
    "2024-01-15T12:00:00Z".parse().unwrap()
}

pub(crate) fn tracker<S: Store>(store: S, clock: &ManualClock) -> Tracker<S> {
    Tracker::builder().clock(clock.clone()).record_source("agent").user("robot").build(store)
}

/// A finished operation.
pub(crate) fn work<S: Store>(tracker: &Tracker<S>, name: &str, ok: bool) -> Hash {
    let handle = block_on(tracker.start(NewOperation::new(name))).unwrap();
    let hk = handle.hash_key();
    let done = if ok { block_on(handle.complete()) } else { block_on(handle.fail("it broke")) };
    assert!(done.unwrap().is_recorded());
    hk
}

pub(crate) fn sync<S: Store, R: Store>(tracker: &Tracker<S>, server: &R) -> Passed {
    block_on(Agent::new(tracker, "agent-7").unwrap().sync(server)).unwrap()
}

/// Every record of a scan.
pub(crate) fn records<S: Store>(store: &S, scan: Scan) -> Vec<Record> {
    let mut found = Vec::new();
    let mut next = Some(scan);
    while let Some(scan) = next {
        let page = block_on(store.scan(Scope::All, &scan, 100)).unwrap();
        assert_eq!(page.damaged, []);
        found.extend(page.records);
        next = page.next;
    }
    found
}

pub(crate) fn operations<S: Store>(store: &S) -> Vec<Operation> {
    let all = records(store, Scan::Operations { after: None });
    all.into_iter()
        .map(|record| match record {
            Record::Operation(operation) => *operation,
            other => panic!("not an operation: {other:?}"),
        })
        .collect()
}

/// Every version of every operation, as it is anywhere: without its place in the log.
pub(crate) fn contents<S: Store>(store: &S) -> Vec<Record> {
    let mut found = Vec::new();
    for operation in operations(store) {
        let hk = operation.hub.script_execution_hk;
        for record in records(store, Scan::Versions { operation: hk, after: None }) {
            let Record::Version(mut version) = record else { panic!("not a version") };
            version.position = opledger::Position::START;
            found.push(Record::Version(version));
        }
        let mut operation = operation;
        operation.open.position = opledger::Position::START;
        found.push(Record::Operation(Box::new(operation)));
    }
    found
}
