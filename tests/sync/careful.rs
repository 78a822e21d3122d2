//! A server that refuses, is slow, or is away.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use opledger::ErrorKind;
use opledger::model::Kind;
use opledger::sync::Agent;
use opledger_memory::MemoryStore;
use opledger_testkit::{Fault, Faulty};
use pollster::block_on;

use super::conflicts::documents;
use super::picky::Picky;
use super::{agent, contents, noon, operations, records, sync, work};

#[test]
fn calls_shrink_until_the_server_takes_them_down_to_one() {
    for most in [300, 7, 2] {
        let (tracker, _) = agent();
        for n in 0..400 {
            work(&tracker, &format!("job {n}"), true);
        }
        let server = Picky::new();
        // With the mark that goes with them, a single version needs two.
        server.most.store(most, Ordering::SeqCst);
        assert_eq!(sync(&tracker, &server).conflicts, 0, "at {most}");
        assert_eq!(contents(&server), contents(tracker.store()));
        assert!(server.calls.lock().unwrap().iter().any(|units| *units > most / 2), "they grow back");
    }
}

#[test]
fn one_poison_record_is_set_aside_with_its_reason() {
    let (tracker, _) = agent();
    let all: Vec<_> = (0..300).map(|n| work(&tracker, &format!("job {n}"), true)).collect();
    let server = Picky::new();
    *server.poison.lock().unwrap() = vec![all[150]];
    let passed = sync(&tracker, &server);
    assert_eq!((passed.versions, passed.conflicts), (598, 2), "its start and its end");
    assert_eq!(operations(&server).len(), 299);
    let status = block_on(tracker.sync_status()).unwrap();
    for conflict in &status.shown_conflicts {
        assert_eq!(conflict.operation, Some(all[150]));
        assert!(conflict.reason.contains("hash_diff is not that of the content"), "{}", conflict.reason);
    }
    assert_eq!(records(&server, documents(Kind::Conflict)).len(), 2);
    assert_eq!(sync(&tracker, &server).versions, 0);
}

#[test]
fn a_server_that_is_ill_as_a_whole_is_not_taken_for_poison() {
    let (tracker, _) = agent();
    for n in 0..20 {
        work(&tracker, &format!("job {n}"), true);
    }
    let server = Picky::new();
    *server.ill.lock().unwrap() = Some(ErrorKind::Corrupt);
    let error = block_on(Agent::new(&tracker, "agent-7").unwrap().sync(&server)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert_eq!(block_on(tracker.sync_status()).unwrap().conflicts, 0, "nothing was set aside");
    *server.ill.lock().unwrap() = None;
    assert_eq!(sync(&tracker, &server).versions, 40);
}

#[test]
fn a_right_that_is_missing_ends_the_sync_and_loses_nothing() {
    let (tracker, _) = agent();
    work(&tracker, "job", true);
    let server = Picky::new();
    *server.ill.lock().unwrap() = Some(ErrorKind::Permission);
    let error = block_on(Agent::new(&tracker, "agent-7").unwrap().sync(&server)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Permission);
    *server.ill.lock().unwrap() = None;
    assert_eq!(sync(&tracker, &server).versions, 2);
}

#[test]
fn answers_that_are_lost_change_nothing() {
    let (tracker, _) = agent();
    for n in 0..120 {
        work(&tracker, &format!("job {n}"), true);
    }
    let (server, faults) = Faulty::new(MemoryStore::new());
    let lost = [Fault::After(ErrorKind::Connection), Fault::Before(ErrorKind::Connection)];
    faults.fail_commits(lost.into_iter().cycle().take(7));
    let passed = block_on(Agent::new(&tracker, "agent-7").unwrap().batch(50).sync(&server)).unwrap();
    assert_eq!((passed.conflicts, passed.failures), (0, 7));
    assert_eq!(contents(&server), contents(tracker.store()));
}

#[test]
fn what_the_agent_could_not_write_down_is_learned_from_the_server() {
    // The mirror lags when the agent's own disk is full; the server's mark counts.
    let clock = opledger_testkit::ManualClock::new(noon());
    let (local, faults) = Faulty::new(MemoryStore::new());
    let tracker = super::tracker(local, &clock);
    for n in 0..60 {
        work(&tracker, &format!("job {n}"), true);
    }
    let server = MemoryStore::new();
    let sender = Agent::new(&tracker, "agent-7").unwrap().batch(25);
    block_on(sender.sync(&server)).unwrap();
    for n in 0..60 {
        work(&tracker, &format!("more {n}"), true);
    }
    faults.fail_commits([Fault::Before(ErrorKind::DiskFull); 3]);
    let passed = block_on(sender.sync(&server)).unwrap();
    assert_eq!((passed.failures, passed.conflicts), (3, 0));
    assert_eq!(contents(&server), contents(tracker.store()));
}

#[test]
fn a_sync_gives_up_in_time() {
    let (tracker, _) = agent();
    work(&tracker, "job", true);
    let (server, faults) = Faulty::new(MemoryStore::new());
    faults.fail_reads(10_000, ErrorKind::Connection);
    let began = Instant::now();
    let patience = Duration::from_millis(800);
    let error = block_on(Agent::new(&tracker, "agent-7").unwrap().patience(patience).sync(&server)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(began.elapsed() <= patience + Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(faults.failed() > 1, "it was tried again");
    let status = block_on(tracker.sync_status()).unwrap();
    assert_eq!(status.waiting.unwrap().versions, 2, "it is set up, and all waits");
}

#[test]
fn the_offset_of_the_clock_is_recorded_and_no_time_is_changed() {
    let (tracker, clock) = agent();
    let server = Picky::new();
    work(&tracker, "job", true);
    // The agent's clock is an hour ahead.
    server.time.store(noon().as_micros() - 3_600_000_000, Ordering::SeqCst);
    sync(&tracker, &server);
    let status = block_on(tracker.sync_status()).unwrap();
    assert_eq!(status.peers[0].mark.clock.unwrap().ahead_us, 3_600_000_000);
    assert_eq!(contents(&server), contents(tracker.store()));
    clock.jump(-7_200_000_000);
    work(&tracker, "an hour behind", true);
    sync(&tracker, &server);
    let there = super::tracker(server, &clock);
    let status = block_on(there.sync_status()).unwrap();
    assert_eq!(status.peers[0].mark.clock.unwrap().ahead_us, -3_600_000_000);
    assert_eq!(contents(there.store()), contents(tracker.store()));
}
