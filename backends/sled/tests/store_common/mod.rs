//! What the tests of the whole store on sled share.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use opledger::blocking::Tracker;
use opledger::report::Tally;
use opledger::store::{Activity, Answer, Plan, Record, Scan};
use opledger::{Hash, Operation, Scope, Status, Store, Timestamp, hash_key};
use opledger_sled::{Durability, Options, SledStore};

pub const TYPES: [&str; 4] = ["BACKUP", "MIGRATION", "MANUAL", "REPORTING"];

/// A small generator of pseudo-random numbers; a fixed seed gives a fixed run.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
}

/// A number from the environment.
pub fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

pub fn tenant(name: &str) -> Hash {
    hash_key(name)
}

pub fn options(durability: Durability) -> Options {
    Options { durability, lock_wait: Duration::from_secs(20), ..Options::default() }
}

pub fn open(dir: &Path) -> Tracker<SledStore> {
    Tracker::new(SledStore::open(dir, options(Durability::Immediate)).unwrap())
}

/// This test binary again, running only the test `name`, which reads its orders from the environment.
pub fn again(name: &str, orders: &[(&str, &str)]) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .envs(orders.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
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
            let plan = Plan::Activity { at, window };
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

/// All files below a folder, by their path in it.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(dir).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// Copies a store's folder.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.join("sled/blobs")).unwrap();
    for file in files(from) {
        fs::create_dir_all(to.join(&file).parent().unwrap()).unwrap();
        fs::copy(from.join(&file), to.join(&file)).unwrap();
    }
}
