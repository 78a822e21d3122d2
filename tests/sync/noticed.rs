//! A store that is not what came before is noticed, not merged blindly.

use std::time::Duration;

use opledger::sync::{Agent, Cause};
use opledger::{ErrorKind, Scope, Store, hash_key};
use opledger_memory::MemoryStore;
use opledger_sled::{Options, SledStore};
use pollster::block_on;

use super::{agent, contents, noon, operations, sync, tracker, work};
use opledger_testkit::{Fault, Faulty, ManualClock};

pub(crate) fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// An agent on disk is synced, backed up, goes on `rounds` syncs, and is restored; what follows is `later`'s.
fn restored(rounds: usize, later: usize) {
    let clock = ManualClock::new(noon());
    let dir = tempfile::tempdir().unwrap();
    let (store, backup) = (dir.path().join("store"), dir.path().join("backup"));
    let server = MemoryStore::new();
    let open = |dir: &std::path::Path| tracker(SledStore::open(dir, Options::default()).unwrap(), &clock);
    let before = open(&store);
    work(&before, "before", true);
    let running = block_on(before.track_operation("running", "MANUAL")).unwrap();
    sync(&before, &server);
    block_on(before.close()).unwrap();
    copy_folder(&store, &backup);

    let now = open(&store);
    let hk = running.hash_key();
    drop(running);
    block_on(now.complete_operation(hk, true, None)).unwrap();
    for n in 0..rounds {
        work(&now, &format!("lost {n}"), true);
        sync(&now, &server);
    }
    block_on(now.close()).unwrap();
    let before = contents(&server);

    let again = open(&backup);
    for n in 0..later {
        work(&again, &format!("later {n}"), true);
    }
    let error = block_on(Agent::new(&again, "agent-7").unwrap().sync(&server)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidValue);
    assert!(error.message().contains("restored") && error.message().contains("--accept-restored"), "{error}");
    assert_eq!(contents(&server), before, "nothing was merged");
    // The agent ends what it thinks is running: there it has ended in another way.
    block_on(again.complete_operation(hk, false, Some("the agent was restored"))).unwrap();
    let passed = block_on(Agent::new(&again, "agent-7").unwrap().accept_restored().sync(&server)).unwrap();
    assert_eq!(passed.conflicts, 1);
    assert_eq!(operations(&server).len(), 2 + rounds + later, "nothing is lost");
    // From here on it is an agent like any other.
    work(&again, "and on", true);
    assert_eq!(sync(&again, &server).versions, 2);
}

#[test]
fn a_store_restored_from_an_old_backup() {
    restored(3, 0);
}

#[test]
fn a_restored_store_whose_log_has_grown_past_the_mark() {
    // Its log is as long as the server thinks, but with other operations: the count of calls and the last entry tell.
    restored(3, 20);
    restored(1, 20);
}

/// A restored store was not noticed, and its rows were lost, when another tenant's row had come to where the mark was: by an
/// agent that was one call behind, or by the second try of one that had accepted it.
#[test]
fn a_restored_store_where_the_marks_place_is_another_tenants() {
    for (lost_rounds, accepted) in [(1, false), (3, true)] {
        let clock = ManualClock::new(noon());
        let dir = tempfile::tempdir().unwrap();
        let (store, backup) = (dir.path().join("store"), dir.path().join("backup"));
        let (server, faults) = Faulty::new(MemoryStore::new());
        let open = |dir: &std::path::Path| tracker(SledStore::open(dir, Options::default()).unwrap(), &clock);
        let acme = |tracker: &opledger::Tracker<SledStore>| tracker.for_tenant(hash_key("acme"));
        let before = open(&store);
        work(&acme(&before), "before", true);
        sync(&acme(&before), &server);
        block_on(before.close()).unwrap();
        copy_folder(&store, &backup);
        let now = open(&store);
        for _ in 0..lost_rounds {
            for _ in 0..3 {
                work(&acme(&now), "lost", true);
            }
            // Its answer is lost, and with it the agent's patience: one call is taken over.
            faults.fail_commits([Fault::After(ErrorKind::Connection)]);
            let agent = Agent::new(&acme(&now), "agent-7").unwrap().patience(Duration::ZERO);
            block_on(agent.sync(&server)).unwrap_err();
        }
        block_on(now.close()).unwrap();

        let again = open(&backup);
        work(&acme(&again), "later", true);
        for _ in 0..10 {
            work(&again.for_tenant(hash_key("other")), "theirs", true);
        }
        let agent = Agent::new(&acme(&again), "agent-7").unwrap();
        if !accepted {
            let error = block_on(agent.sync(&server)).unwrap_err();
            assert!(error.message().contains("restored"), "{error}");
        }
        faults.fail_commits([Fault::Before(ErrorKind::Connection)]);
        let passed = block_on(agent.accept_restored().sync(&server)).unwrap();
        assert_eq!((passed.failures, passed.conflicts), (1, 0));
        assert_eq!(operations(&server).len(), 2 + 3 * lost_rounds, "nothing is lost");
        work(&acme(&again), "and on", true);
        assert_eq!(sync(&acme(&again), &server).versions, 2);
    }
}

#[test]
fn a_new_store_under_an_old_name() {
    let ((old, _), (new, _)) = (agent(), agent());
    let server = MemoryStore::new();
    work(&old, "old", true);
    sync(&old, &server);
    work(&new, "new", true);
    let error = block_on(Agent::new(&new, "agent-7").unwrap().sync(&server)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidValue);
    assert!(error.message().contains("--new-store"), "{error}");
    assert_eq!(operations(&server).len(), 1);
    let passed = block_on(Agent::new(&new, "agent-7").unwrap().new_store().sync(&server)).unwrap();
    assert_eq!((passed.versions, operations(&server).len()), (2, 2));
    work(&new, "and on", true);
    assert_eq!(sync(&new, &server).versions, 2);
}

#[test]
fn a_server_that_was_restored_gets_again_what_it_lacks() {
    let (tracker, _) = agent();
    let (old, now) = (MemoryStore::new(), MemoryStore::new());
    for n in 0..5 {
        work(&tracker, &format!("job {n}"), true);
        for server in [&old, &now] {
            // `old` stands for a backup from after the second round.
            if n < 2 || std::ptr::eq(server, &now) {
                block_on(Agent::new(&tracker, "agent-7").unwrap().sync(server)).unwrap();
            }
        }
    }
    let passed = sync(&tracker, &old);
    assert!(passed.server_was_behind);
    assert_eq!(contents(&old), contents(tracker.store()));
    assert_eq!(sync(&tracker, &MemoryStore::new()).versions, 10, "a new server gets all");
}

#[test]
fn places_that_went_without_a_gap_are_a_gap_of_unknown_content() {
    let (tracker, clock) = agent();
    let server = MemoryStore::new();
    work(&tracker, "first", true);
    sync(&tracker, &server);
    work(&tracker, "lost", true);
    clock.elapse(std::time::Duration::from_secs(100));
    work(&tracker, "last", true);
    // Past the tracker, which would not do it: what waits leaves the store.
    let cutoff = noon().after(std::time::Duration::from_secs(50));
    block_on(tracker.store().purge(Scope::All, cutoff, 10)).unwrap();
    let passed = sync(&tracker, &server);
    assert_eq!((passed.versions, passed.gaps), (2, 1));
    let there = super::tracker(server, &clock);
    for side in [&tracker, &there] {
        let status = block_on(side.sync_status()).unwrap();
        assert_eq!(status.gaps, 1);
        assert_eq!((status.shown_gaps[0].cause, status.shown_gaps[0].versions), (Cause::Unknown, 2));
    }
    assert_eq!(sync(&tracker, there.store()).gaps, 0, "it is told once");
}
