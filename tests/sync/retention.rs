//! Retention keeps what no sync has taken over, unless it is told not to.

use std::time::Duration;

use opledger::sync::{Agent, Cause, Retention};
use opledger::{ErrorKind, Store, Tracker};
use opledger_memory::MemoryStore;
use opledger_sled::{Options, SledStore};
use opledger_testkit::{Faulty, ManualClock, check_invariants};
use pollster::block_on;

use super::{agent, noon, operations, sync, tracker, work};

const DAY: Duration = Duration::from_secs(86_400);

fn retention_keeps<S: Store>(tracker: &Tracker<S>, clock: &ManualClock) {
    let server = MemoryStore::new();
    for n in 0..30 {
        work(tracker, &format!("sent {n}"), n % 5 != 0);
    }
    let running = block_on(tracker.track_operation("sent, and running", "MANUAL")).unwrap();
    sync(tracker, &server);
    for n in 0..10 {
        work(tracker, &format!("waits {n}"), true);
    }
    block_on(running.complete()).unwrap();
    clock.elapse(10 * DAY);

    let preview = block_on(tracker.preview_cleanup(5)).unwrap();
    assert_eq!((preview.operations, preview.waiting), (30, 11));
    let done = block_on(tracker.cleanup_old_data(5)).unwrap();
    assert_eq!((done.operations, done.waiting), (30, 11));
    assert_eq!(operations(tracker.store()).len(), 11);
    assert_eq!(sync(tracker, &server).versions, 21, "what waited was still there");
    assert_eq!(operations(&server).len(), 41);

    work(tracker, "waits and goes", true);
    clock.elapse(10 * DAY);
    let told = Retention { days: 5, even_unsynced: true };
    assert_eq!(block_on(tracker.preview(told)).unwrap().operations, 12);
    assert_eq!(block_on(tracker.cleanup(told)).unwrap().operations, 12);
    assert_eq!(operations(tracker.store()).len(), 0);
    let passed = sync(tracker, &server);
    assert_eq!((passed.versions, passed.gaps), (0, 1));
    let status = block_on(tracker.sync_status()).unwrap();
    let gap = &status.shown_gaps[0];
    assert_eq!((gap.cause, gap.operations, gap.versions, gap.completed), (Cause::Retention, 1, 2, 1));
    assert_eq!(status.peers[0].mark.removed, 41);
    block_on(check_invariants(tracker));
}

#[test]
fn retention_keeps_what_waits_in_memory() {
    let (tracker, clock) = agent();
    retention_keeps(&tracker, &clock);
}

#[test]
fn retention_keeps_what_waits_on_disk() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), ManualClock::new(noon()));
    let tracker = tracker(SledStore::open(dir.path(), Options::default()).unwrap(), &clock);
    retention_keeps(&tracker, &clock);
}

#[test]
fn an_agent_that_never_reached_its_server_keeps_all() {
    let (tracker, clock) = agent();
    work(&tracker, "job", true);
    let (server, faults) = Faulty::new(MemoryStore::new());
    faults.fail_reads(1000, ErrorKind::Permission);
    block_on(Agent::new(&tracker, "agent-7").unwrap().sync(&server)).unwrap_err();
    clock.elapse(10 * DAY);
    assert_eq!(block_on(tracker.cleanup_old_data(5)).unwrap().operations, 0);
    assert_eq!(operations(tracker.store()).len(), 1);
}

/// A cleanup removed what waited as long as the server could not even be opened: nothing said that a sync was set up.
#[test]
fn an_agent_in_the_background_whose_server_never_opened_keeps_all() {
    let (tracker, clock) = agent();
    work(&tracker, "job", true);
    let (told, connects) = std::sync::mpsc::channel();
    let connect = move || -> opledger::Result<MemoryStore> {
        told.send(()).unwrap();
        Err(opledger::Error::new(ErrorKind::Connection, "the server is away"))
    };
    let background = Agent::new(&tracker, "agent-7").unwrap().spawn(Duration::from_secs(60), connect).unwrap();
    connects.recv().unwrap();
    clock.elapse(10 * DAY);
    let done = block_on(tracker.cleanup_old_data(5)).unwrap();
    assert_eq!((done.operations, done.waiting), (0, 1));
    assert_eq!(block_on(tracker.sync_status()).unwrap().waiting.map(|waiting| waiting.versions), Some(2));
    background.stop().unwrap();
}
