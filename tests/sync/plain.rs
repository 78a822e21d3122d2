//! What is sent arrives, once and as it was.

use opledger::sync::{Agent, Side};
use opledger::{Additions, Metadata, Outcome, hash_key};
use opledger_memory::MemoryStore;
use opledger_testkit::check_invariants;
use pollster::block_on;

use super::{agent, contents, sync, tracker, work};

#[test]
fn everything_arrives_once_and_as_it_was() {
    let (tracker, clock) = agent();
    let server = MemoryStore::new();
    for n in 0..700 {
        work(&tracker, &format!("job {n}"), n % 7 != 0);
    }
    let mut running = block_on(tracker.track_operation("long", "MANUAL")).unwrap();
    assert_eq!(sync(&tracker, &server).versions, 1401);
    assert_eq!(contents(&server), contents(tracker.store()));

    // An open version that was closed meanwhile is closed there.
    let found = Additions { metadata: Some(Metadata::parse(r#"{"rows": 1e3}"#).unwrap()), ..Additions::default() };
    block_on(running.annotate(found)).unwrap();
    clock.run(std::time::Duration::from_secs(5));
    block_on(running.finish(Outcome::Success, Additions::default())).unwrap();
    assert_eq!(sync(&tracker, &server).versions, 2);
    assert_eq!(contents(&server), contents(tracker.store()));

    assert_eq!(sync(&tracker, &server).versions, 0, "nothing is sent twice");
    assert_eq!(contents(&server), contents(tracker.store()));
    let server = super::tracker(server, &clock);
    block_on(check_invariants(&server));
    let status = block_on(server.sync_status()).unwrap();
    assert_eq!(status.peers[0].mark.side, Side::Receiver);
    assert_eq!((status.peers[0].mark.versions, status.conflicts), (1403, 0));
}

#[test]
fn an_append_finds_its_previous_version_after_a_restart() {
    // The version before the first one of a batch may have been sent days ago.
    let (tracker, _) = agent();
    let server = MemoryStore::new();
    let mut handles: Vec<_> =
        (0..20).map(|n| block_on(tracker.track_operation(&format!("job {n}"), "MANUAL")).unwrap()).collect();
    sync(&tracker, &server);
    for handle in &mut handles {
        for n in 0..3 {
            let more = Metadata::from_pairs([("step", n.to_string())]).unwrap();
            block_on(handle.annotate(Additions { metadata: Some(more), ..Additions::default() })).unwrap();
        }
        sync(&tracker, &server);
    }
    for handle in handles {
        block_on(handle.complete()).unwrap();
    }
    assert_eq!(sync(&tracker, &server).conflicts, 0);
    assert_eq!(contents(&server), contents(tracker.store()));
}

#[test]
fn a_tenants_agent_sends_its_own_rows_only() {
    let (tracker, clock) = agent();
    let server = MemoryStore::new();
    let (ours, theirs) = (tracker.for_tenant(hash_key("ours")), tracker.for_tenant(hash_key("theirs")));
    for n in 0..40 {
        work(&ours, &format!("ours {n}"), true);
        work(&theirs, &format!("theirs {n}"), true);
        work(&tracker, &format!("system {n}"), true);
    }
    assert_eq!(sync(&ours, &server).versions, 80);
    let seen = super::operations(&server);
    assert!(seen.len() == 40 && seen.iter().all(|operation| operation.hub.tenant == Some(hash_key("ours"))));
    // The others' rows between its own are no holes, and nobody else sees its mark.
    let there = super::tracker(server, &clock);
    assert_eq!(block_on(there.sync_status()).unwrap().peers, []);
    let status = block_on(there.for_tenant(hash_key("ours")).sync_status()).unwrap();
    assert_eq!((status.peers.len(), status.gaps), (1, 0));
    assert_eq!(sync(&theirs, there.store()).versions, 80);
}

#[test]
fn two_agents_meet_in_one_store() {
    let server = MemoryStore::new();
    let agents = [agent(), agent()];
    for round in 0..3 {
        for (n, (tracker, _)) in agents.iter().enumerate() {
            work(tracker, &format!("agent {n} round {round}"), true);
            block_on(Agent::new(tracker, format!("agent {n}")).unwrap().sync(&server)).unwrap();
        }
    }
    assert_eq!(super::operations(&server).len(), 6);
    let there = tracker(server, &agents[0].1);
    assert_eq!(block_on(there.sync_status()).unwrap().peers.len(), 2);
}

#[test]
fn a_name_has_limits() {
    let (tracker, _) = agent();
    for (name, field) in [(String::new(), "agent"), ("x".repeat(101), "agent"), ("a\0".to_owned(), "agent")] {
        let error = Agent::new(&tracker, name).unwrap_err();
        assert!(error.kind().is_bad_input() && error.message().contains(field), "{error}");
    }
}
