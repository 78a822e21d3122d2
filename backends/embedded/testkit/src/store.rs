//! What the tests of the whole store share.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use opledger::blocking::Tracker;
use opledger::report::Tally;
use opledger::store::{Activity, Answer, Plan, Record, Scan};
use opledger::{Hash, Operation, Scope, Status, Store, Timestamp, hash_key};
use opledger_embedded::{Durability, EmbeddedStore, Options};

use crate::Subject;

pub const TYPES: [&str; 4] = ["BACKUP", "MIGRATION", "MANUAL", "REPORTING"];

pub fn tenant(name: &str) -> Hash {
    hash_key(name)
}

pub fn options(durability: Durability) -> Options {
    Options { durability, lock_wait: Duration::from_secs(20), ..Options::default() }
}

pub fn open<T: Subject>(dir: &Path) -> Tracker<EmbeddedStore<T::Engine>> {
    Tracker::new(EmbeddedStore::<T::Engine>::open(dir, options(Durability::Immediate)).unwrap())
}

/// Every record that a scan gives; damaged ones are an error of the test.
pub fn scan_all<S: Store>(store: &S, scope: Scope, scan: Scan) -> Vec<Record> {
    let mut records = Vec::new();
    let mut next = Some(scan);
    while let Some(scan) = next {
        let page = pollster::block_on(store.scan(scope, &scan, 500)).unwrap();
        assert!(page.damaged.is_empty(), "damaged: {:?}", page.damaged);
        records.extend(page.records);
        next = page.next;
    }
    records
}

/// All operations in a scope, by hash key.
pub fn operations<S: Store>(store: &S, scope: Scope) -> BTreeMap<Hash, Operation> {
    scan_all(store, scope, Scan::HISTORY)
        .into_iter()
        .filter_map(|record| match record {
            Record::Operation(operation) => Some((operation.hub.script_execution_hk, *operation)),
            _ => None,
        })
        .collect()
}

/// The answer of the store's counters equals a recount by scans, in every scope, for several windows.
pub fn check_activity<S: Store>(store: &S, now: Timestamp) {
    for scope in [Scope::System, Scope::Tenant(tenant("one")), Scope::Tenant(tenant("two")), Scope::All] {
        let operations = operations(store, scope);
        let some_start = operations.values().next().map_or(now, |first| first.open.attributes.execution_timestamp);
        for (at, window) in [
            (now, Duration::from_secs(24 * 3600)),
            (now, Duration::from_millis(1700)),
            (some_start.after(Duration::from_secs(90)), Duration::from_secs(90)),
        ] {
            let plan = Plan::Activity { at, window, compared: true };
            let answer = pollster::block_on(store.answer(scope, &plan)).unwrap();
            let Some(Answer::Activity(answer)) = answer else { panic!("no answer to {plan:?}") };
            assert_eq!(*answer, recount(operations.values(), at, window), "{scope:?} {plan:?}");
        }
    }
}

fn recount<'a>(all: impl Iterator<Item = &'a Operation>, at: Timestamp, window: Duration) -> Activity {
    let (last, before) = (at.before(window), at.before(window * 2));
    let mut activity = Activity::default();
    for operation in all {
        let open = &operation.open.attributes;
        let started = open.execution_timestamp;
        let by_type: Option<&mut BTreeMap<String, Tally>> = if started > last {
            Some(&mut activity.last)
        } else if started > before {
            Some(&mut activity.before)
        } else {
            None
        };
        if let Some(by_type) = by_type {
            by_type.entry(open.script_type.clone()).or_default().add(open);
        }
        activity.total += 1;
        if open.execution_status == Status::Running {
            activity.running += 1;
            activity.stale += u64::from(started < last);
        }
    }
    activity
}
