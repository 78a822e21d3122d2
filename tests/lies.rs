//! Verify finds what is well formed and not true, whether the store goes through its log itself or the core does.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::path::Path;

use opledger::store::{Change, State, Unit};
use opledger::{Additions, Hash, NewOperation, Store, Tracker, hash_key};
use opledger_embedded::engine::{Batch, Engine};
use opledger_redb::{Options, RedbEngine, RedbStore};
use opledger_testkit::NoPushdown;
use pollster::block_on;

fn open(dir: &Path) -> RedbStore {
    RedbStore::open(dir, Options::default()).unwrap()
}

/// How many hashes do not fit, and all that is found, by a verify of the store's own and by the core's.
fn found(dir: &Path) -> [(u64, BTreeSet<String>); 2] {
    let own = verified(open(dir));
    [own, verified(NoPushdown(open(dir)))]
}

fn verified(store: impl Store) -> (u64, BTreeSet<String>) {
    let tracker = Tracker::new(store).for_all();
    let found = block_on(tracker.verify()).unwrap();
    block_on(tracker.close()).unwrap();
    let texts = found.findings.iter().map(|damage| format!("{}: {}", damage.record, damage.reason));
    (found.check.hash_mismatches, texts.collect())
}

fn commit(store: &RedbStore, units: Vec<Unit>) {
    block_on(store.commit(units)).unwrap();
}

/// The units of an operation that starts, is annotated and ends, as a tracker makes them.
fn units(name: &str) -> Vec<Unit> {
    let dir = tempfile::tempdir().unwrap();
    let tracker = Tracker::new(open(dir.path()));
    let hk = block_on(async {
        let handle = tracker.start(NewOperation::new(name).sql_command("VACUUM")).await.unwrap();
        let hk = handle.hash_key();
        handle.complete().await.unwrap();
        hk
    });
    let versions = block_on(tracker.versions(hk)).unwrap().rows;
    let operation = block_on(tracker.operation(hk)).unwrap().unwrap();
    let state = |n: usize| State {
        load_date: versions[n].load_date,
        hash_diff: versions[n].hash_diff,
        attributes: versions[n].attributes.clone(),
        record_source: versions[n].record_source.clone(),
    };
    let open = (versions[0].load_date, versions[0].hash_diff);
    vec![
        Unit { id: versions[0].unit, change: Change::Start { hub: operation.hub, first: state(0) } },
        Unit {
            id: versions[1].unit,
            change: Change::Append { operation: hk, tenant: None, expect_open: open, next: state(1) },
        },
    ]
}

/// Changes the units of an operation.
type Lie = fn(&mut [Unit]);

#[test]
fn a_hash_that_is_not_that_of_the_content_is_named() {
    let lies: [(&str, Lie); 4] = [
        ("hash_diff is", |units| {
            let Change::Start { first, .. } = &mut units[0].change else { return };
            let lie = Hash::of("another");
            first.hash_diff = lie;
            let Change::Append { expect_open, .. } = &mut units[1].change else { return };
            expect_open.1 = lie;
        }),
        ("hash_diff is", |units| {
            let Change::Append { next, .. } = &mut units[1].change else { return };
            next.attributes.sql_command = Some("DROP TABLE".to_owned());
        }),
        ("hash_diff is", |units| {
            let Change::Append { next, .. } = &mut units[1].change else { return };
            next.attributes.execution_duration_ms = Some(7_654_321);
        }),
        ("its key is not the hash of", |units| {
            let other = hash_key("another");
            let Change::Start { hub, .. } = &mut units[0].change else { return };
            hub.script_execution_hk = other;
            let Change::Append { operation, .. } = &mut units[1].change else { return };
            *operation = other;
        }),
    ];
    for (reason, lie) in lies {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        let mut lying = units("lying");
        lie(&mut lying);
        for unit in units("before").into_iter().chain(lying).chain(units("after")) {
            commit(&store, vec![unit]);
        }
        block_on(store.close()).unwrap();
        drop(store);
        let [own, by_core] = found(dir.path());
        assert_eq!(own.0, 1, "{own:?}");
        assert_eq!(own.1.len(), 1, "{own:?}");
        assert!(own.1.iter().all(|text| text.contains(reason)), "{own:?}");
        assert_eq!(own, by_core);
    }
}

/// Durable one by one, each version is a block of its own, at its place.
fn move_block(dir: &Path, from: u64, to: u64) {
    let engine = RedbEngine::open(&dir.join("redb"), &dir.join("aside").join("test")).unwrap();
    let key = |place: u64| [b"v".as_slice(), &place.to_be_bytes()].concat();
    let block = engine.get(&key(from)).unwrap().unwrap();
    engine.apply(Batch { entries: vec![(key(to), Some(block))] }).unwrap();
    engine.close().unwrap();
}

#[test]
fn a_version_in_another_ones_place_is_named() {
    // The ends of two operations, each well formed, each where the other one was.
    let dir = tempfile::tempdir().unwrap();
    let tracker = Tracker::new(open(dir.path()));
    block_on(async {
        let (one, two) = (
            tracker.track_operation("one", "MANUAL").await.unwrap(),
            tracker.track_operation("two", "MANUAL").await.unwrap(),
        );
        one.complete().await.unwrap();
        two.fail("deadlock").await.unwrap();
        tracker.close().await.unwrap();
    });
    drop(tracker);
    move_block(dir.path(), 4, 3);
    for found in found(dir.path()) {
        assert_eq!(found.0, 1, "{found:?}");
        assert!(found.1.iter().any(|text| text.contains("hash_diff is")), "{found:?}");
    }
}

#[test]
fn a_version_behind_an_end_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let tracker = Tracker::new(open(dir.path()));
    block_on(async {
        let mut one = tracker.track_operation("one", "MANUAL").await.unwrap();
        let objects = vec!["sales.orders".to_owned()];
        assert!(one.annotate(Additions { objects, ..Additions::default() }).await.unwrap().is_recorded());
        one.complete().await.unwrap();
        let two = tracker.track_operation("two", "MANUAL").await.unwrap();
        std::thread::sleep(std::time::Duration::from_millis(200));
        two.complete().await.unwrap();
        tracker.close().await.unwrap();
    });
    drop(tracker);
    // Its second version becomes an end, later than the one that follows it.
    move_block(dir.path(), 5, 2);
    for found in found(dir.path()) {
        for reason in ["hash_diff is", "it follows a version that had ended", "its load date is not later"] {
            assert!(found.1.iter().any(|text| text.contains(reason)), "{reason}: {found:?}");
        }
    }
}

#[test]
fn each_scope_counts_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let tenant = hash_key("acme");
    let tracker = Tracker::new(open(dir.path()));
    let acme = tracker.for_tenant(tenant);
    block_on(async {
        for turn in 0..30 {
            let of = if turn % 3 == 0 { &acme } else { &tracker };
            of.track_operation(&format!("{turn}"), "MANUAL").await.unwrap().complete().await.unwrap();
        }
        for (tracker, operations) in [(tracker.for_all(), 30), (tracker, 20), (acme, 10)] {
            let found = tracker.verify().await.unwrap();
            assert!(found.is_sound(), "{found:?}");
            assert_eq!((found.operations, found.versions), (operations, 2 * operations), "{:?}", tracker.scope());
        }
    });
}
