//! From any store to any other, and the comparison after it.

use opledger::sync::{self, Copied};
use opledger::{Additions, ErrorKind, Metadata, Store, Tracker, hash_key};
use opledger_fjall::FjallStore;
use opledger_memory::MemoryStore;
use opledger_redb::RedbStore;
use opledger_sled::{Options, SledStore};
use opledger_testkit::{Fault, Faulty, check_invariants};
use pollster::block_on;

use super::{agent, contents, tracker, work};

fn copy<S: Store, R: Store>(from: &Tracker<S>, to: &R) -> Copied {
    block_on(sync::copy(&from.for_all(), to, |_| ())).unwrap()
}

/// Operations of several tenants, with all that there is beside them.
fn filled() -> (Tracker<MemoryStore>, opledger_testkit::ManualClock) {
    let (tracker, clock) = agent();
    let server = super::tracker(MemoryStore::new(), &clock);
    let shared = block_on(tracker.track_operation("shared", "MANUAL")).unwrap();
    super::sync(&tracker, server.store());
    block_on(server.complete_operation(shared.hash_key(), false, None)).unwrap();
    block_on(shared.complete()).unwrap();
    super::sync(&tracker, server.store());
    for n in 0..300 {
        let tracker =
            if n % 3 == 0 { tracker.for_tenant(hash_key(&format!("tenant {}", n % 7))) } else { tracker.clone() };
        work(&tracker, &format!("job {n}"), n % 5 != 0);
        if n % 10 == 0 {
            let mut running = block_on(tracker.track_operation(&format!("running {n}"), "REPORTING")).unwrap();
            let metadata = Some(Metadata::parse(r#"{"a": {"b": [1.50, "é"]}}"#).unwrap());
            block_on(running.annotate(Additions { metadata, ..Additions::default() })).unwrap();
        }
    }
    (tracker, clock)
}

#[test]
fn from_store_to_store_and_back() {
    let (from, clock) = filled();
    let dir = tempfile::tempdir().unwrap();
    let open = |name: &str| dir.path().join(name);
    let sled = tracker(SledStore::open(open("sled"), Options::default()).unwrap(), &clock);
    let redb = tracker(RedbStore::open(open("redb"), Options::default()).unwrap(), &clock);
    let fjall = tracker(FjallStore::open(open("fjall"), Options::default()).unwrap(), &clock);
    let memory = tracker(MemoryStore::new(), &clock);
    for copied in
        [copy(&from, sled.store()), copy(&sled, redb.store()), copy(&redb, fjall.store()), copy(&fjall, memory.store())]
    {
        assert_eq!((copied.comparison.named.clone(), copied.comparison.others), (vec![], 0));
        assert_eq!((copied.comparison.operations, copied.comparison.versions), (331, 662));
        assert_eq!((copied.passed.versions, copied.passed.conflicts), (662, 0));
    }
    assert_eq!(contents(memory.store()), contents(from.store()));
    block_on(check_invariants(&sled));
    block_on(check_invariants(&redb));
    block_on(check_invariants(&fjall));
    assert!(block_on(sled.for_all().verify()).unwrap().is_sound());
    assert_eq!(block_on(memory.sync_status()).unwrap().conflicts, 1, "conflicts come along");
    assert_eq!(copy(&from, sled.store()).passed.versions, 0, "a second copy finds nothing to do");
}

#[test]
fn a_copy_that_was_cut_short_goes_on_where_it_stopped() {
    let (from, _) = filled();
    for n in 0..1200 {
        work(&from, &format!("more {n}"), true);
    }
    let (to, faults) = Faulty::new(MemoryStore::new());
    let mut calls = 0;
    let cut = block_on(sync::copy(&from.for_all(), &to, |_| {
        calls += 1;
        if calls == 2 {
            faults.fail_commits([Fault::Before(ErrorKind::Permission)]);
        }
    }));
    assert_eq!(cut.unwrap_err().kind(), ErrorKind::Permission);
    assert_eq!(calls, 2);
    let copied = copy(&from, &to);
    // The last call before the cut is made again: what became of it was not on record yet.
    assert!(copied.comparison.is_equal() && copied.passed.versions == 3062 - 1000, "{copied:?}");
    assert_eq!(contents(&to), contents(from.store()));
}

#[test]
fn a_difference_is_named() {
    let (from, clock) = filled();
    let to = tracker(MemoryStore::new(), &clock);
    copy(&from, to.store());
    let hk = work(&from, "changed later", true);
    // The same operation stands in another way there, and something else is there besides.
    let other = work(&to, "only there", true);
    let copied = copy(&from, to.store());
    assert!(copied.comparison.is_equal());
    assert_eq!(copied.comparison.others, 1);
    let running = block_on(from.track_operation("runs", "MANUAL")).unwrap();
    copy(&from, to.store());
    block_on(to.complete_operation(running.hash_key(), false, None)).unwrap();
    block_on(running.complete()).unwrap();
    let copied = copy(&from, to.store());
    assert_eq!(copied.comparison.differences, 1);
    assert!(copied.comparison.named[0].reason.contains("hash_diff"), "{:?}", copied.comparison.named);
    assert!(hk != other);
}

/// A copy went on behind its mark for good, and left out what was new before it, when the source had been restored from a backup
/// and nothing was at the mark's place any more.
#[test]
fn a_restored_source_without_the_marks_entry_is_copied_whole() {
    let clock = opledger_testkit::ManualClock::new(super::noon());
    let dir = tempfile::tempdir().unwrap();
    let (store, backup) = (dir.path().join("store"), dir.path().join("backup"));
    let open = |dir: &std::path::Path| tracker(SledStore::open(dir, Options::default()).unwrap(), &clock);
    let target = MemoryStore::new();
    let before = open(&store);
    work(&before, "before", true);
    block_on(before.close()).unwrap();
    super::noticed::copy_folder(&store, &backup);
    let now = open(&store);
    work(&now, "lost", true);
    work(&now, "lost too", true);
    assert!(copy(&now, &target).comparison.is_equal());
    block_on(now.close()).unwrap();

    let again = open(&backup);
    work(&again, "later", true);
    clock.jump(-1_000_000_000);
    work(&again, "where the mark is", true);
    clock.jump(1_000_000_000);
    work(&again, "and on", true);
    let cutoff = super::noon().before(std::time::Duration::from_secs(500));
    assert_eq!(block_on(again.store().purge(opledger::Scope::All, cutoff, 10)).unwrap().operations, 1);
    let copied = copy(&again, &target);
    assert_eq!(copied.comparison.named, []);
    assert_eq!((copied.comparison.operations, copied.comparison.others), (3, 2));
}
