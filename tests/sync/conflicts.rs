//! The same key with other content: on record at both ends, and the rest goes on.

use opledger::model::Kind;
use opledger::report::Rating;
use opledger::store::{Record, Scan};
use opledger::{Additions, Metadata};
use opledger_memory::MemoryStore;
use pollster::block_on;

use super::{agent, records, sync, work};

#[test]
fn what_went_another_way_there_is_a_conflict_and_the_rest_goes_on() {
    let (tracker, clock) = agent();
    let server = super::tracker(MemoryStore::new(), &clock);
    let running = block_on(tracker.track_operation("shared", "MANUAL")).unwrap();
    let hk = running.hash_key();
    sync(&tracker, server.store());
    // Somebody ends it on the server; the agent, too, in another way.
    block_on(server.complete_operation(hk, false, Some("given up"))).unwrap();
    let theirs = block_on(server.operation(hk)).unwrap().unwrap().open;
    block_on(running.complete()).unwrap();
    let ours = block_on(tracker.operation(hk)).unwrap().unwrap().open;
    work(&tracker, "after it", true);

    let passed = sync(&tracker, server.store());
    assert_eq!((passed.versions, passed.conflicts), (2, 1));
    assert_eq!(block_on(server.operation(hk)).unwrap().unwrap().open, theirs, "nothing is overwritten");
    for side in [&tracker, &server] {
        let status = block_on(side.sync_status()).unwrap();
        assert_eq!(status.conflicts, 1);
        let conflict = &status.shown_conflicts[0];
        assert_eq!(conflict.operation, Some(hk));
        assert_eq!((conflict.ours, conflict.theirs), (Some(ours.hash_diff), Some(theirs.hash_diff)));
    }
    let same = |side: &opledger::Tracker<MemoryStore>| records(side.store(), documents(Kind::Conflict));
    assert_eq!(same(&tracker), same(&server), "the same document");
    let health = block_on(tracker.system_health()).unwrap();
    let row = health.iter().find(|row| row.health_metric == "conflicts").unwrap();
    assert_eq!((row.health_category, row.current_status), ("SYNC", Rating::Poor));
    // It is told once.
    assert_eq!(sync(&tracker, server.store()).conflicts, 0);
    assert_eq!(same(&server).len(), 1);
}

pub(crate) fn documents(kind: Kind) -> Scan {
    Scan::Documents { kind, after: None }
}

#[test]
fn every_version_after_one_in_conflict_is_one_too() {
    let (tracker, clock) = agent();
    let server = super::tracker(MemoryStore::new(), &clock);
    let mut running = block_on(tracker.track_operation("shared", "MANUAL")).unwrap();
    sync(&tracker, server.store());
    let more = |text: &str| Additions {
        metadata: Some(Metadata::from_pairs([("by", text)]).unwrap()),
        ..Additions::default()
    };
    block_on(server.annotate_operation(running.hash_key(), more("server"))).unwrap();
    block_on(running.annotate(more("agent"))).unwrap();
    block_on(running.complete()).unwrap();
    let passed = sync(&tracker, server.store());
    assert_eq!((passed.versions, passed.conflicts), (0, 2));
    assert_eq!(records(server.store(), documents(Kind::Conflict)).len(), 2);
}

#[test]
fn the_key_of_a_stranger_is_a_conflict_that_does_not_show_its_hash() {
    let (tracker, clock) = agent();
    let (ours, theirs) = (opledger::hash_key("ours"), opledger::hash_key("theirs"));
    let hk = work(&tracker.for_tenant(ours), "one", true);
    // The same business key belongs to somebody else there.
    let Some(Record::Operation(operation)) =
        block_on(opledger::Store::get(tracker.store(), opledger::Scope::All, &[opledger::store::Key::Operation(hk)]))
            .unwrap()
            .remove(0)
    else {
        panic!("it was just written")
    };
    let server = super::tracker(MemoryStore::new(), &clock);
    let mut hub = operation.hub.clone();
    hub.tenant = Some(theirs);
    let first = opledger::store::State::new(hub.load_date, operation.open.attributes.clone(), "x".to_owned());
    let change = opledger::store::Change::Start { hub, first };
    let unit = opledger::store::Unit { id: opledger::model::UnitId([7; 16]), change };
    block_on(opledger::Store::commit(server.store(), vec![unit])).unwrap();
    let passed = sync(&tracker.for_tenant(ours), server.store());
    assert_eq!(passed.conflicts, 2, "the start, and the end that finds nothing of its own");
    let status = block_on(server.for_tenant(ours).sync_status()).unwrap();
    assert!(status.shown_conflicts.iter().all(|conflict| conflict.theirs.is_none()));
    assert_eq!(block_on(server.for_tenant(theirs).sync_status()).unwrap().conflicts, 0);
}

#[test]
fn health_says_how_a_sync_stands() {
    let (tracker, clock) = agent();
    let server = MemoryStore::new();
    let rows = |tracker: &opledger::Tracker<MemoryStore>| -> Vec<_> {
        let health = block_on(tracker.system_health()).unwrap();
        health.into_iter().filter(|row| row.health_category == "SYNC").collect()
    };
    work(&tracker, "before any sync", true);
    assert_eq!(rows(&tracker), [], "no sync is set up");
    sync(&tracker, &server);
    assert!(rows(&tracker).iter().all(|row| row.current_status == Rating::Excellent), "{:?}", rows(&tracker));
    work(&tracker, "waits", true);
    clock.elapse(std::time::Duration::from_secs(2 * 86_400));
    let all = rows(&tracker);
    let found: Vec<_> = all.iter().map(|row| (row.health_metric, row.current_status)).collect();
    let expected = [("backlog", Rating::Warning), ("last_sync", Rating::Warning), ("conflicts", Rating::Excellent)];
    assert_eq!(found, expected);
    assert!(all[0].details.starts_with("2 versions wait"), "{}", all[0].details);
}
