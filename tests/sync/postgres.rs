//! The server is PostgreSQL, which decides by the login.

use opledger::sync::{self, Agent};
use opledger::{ErrorKind, hash_key};
use opledger_memory::MemoryStore;
use opledger_postgres::PostgresStore;
use opledger_redb::{Options, RedbStore};
use opledger_testkit::check_invariants;
use pollster::block_on;

use super::support::{config, installed};
use super::{agent, contents, operations, tracker, work};

#[test]
fn a_login_sends_its_own_tenants_rows_and_no_others() {
    let database = installed();
    let server = PostgresStore::open(&config(&database, "acme")).unwrap();
    let (tracker, _) = agent();
    let acme = tracker.for_tenant(hash_key("acme"));
    for n in 0..20 {
        work(&acme, &format!("ours {n}"), n % 4 != 0);
        work(&tracker.for_tenant(hash_key("other")), &format!("theirs {n}"), true);
    }
    let passed = block_on(Agent::new(&acme, "agent-7").unwrap().sync(&server)).unwrap();
    assert_eq!((passed.versions, passed.conflicts), (40, 0));
    let clock = acme_clock(&acme);
    assert!(clock.is_some_and(|clock| clock.round_trip_us > 0 || clock.ahead_us != 0), "its clock was looked at");
    for stranger in [tracker.for_tenant(hash_key("other")), tracker.for_all()] {
        let error = block_on(Agent::new(&stranger, "agent-7").unwrap().sync(&server)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Permission, "{error}");
    }
    let admin = PostgresStore::open(&config(&database, "admin")).unwrap();
    assert_eq!(operations(&admin).len(), 20);
    let mut client = database.connect().unwrap();
    let brought = "SELECT DISTINCT recorded_by::text, db_session_user::text FROM script_tracking.script_execution_s";
    let rows = client.query(brought, &[]).unwrap();
    let found: Vec<(Option<String>, Option<String>)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(found, [(Some("acme".to_owned()), Some("robot".to_owned()))], "the login, and the agent's claim");
}

fn acme_clock(tracker: &opledger::Tracker<MemoryStore>) -> Option<opledger::sync::ClockOffset> {
    block_on(tracker.sync_status()).unwrap().peers[0].mark.clock
}

#[test]
fn a_conflict_in_postgresql_is_on_record_at_both_ends() {
    let database = installed();
    let (tracker, clock) = agent();
    let server = super::tracker(PostgresStore::open(&config(&database, "admin")).unwrap(), &clock);
    let running = block_on(tracker.track_operation("shared", "MANUAL")).unwrap();
    block_on(Agent::new(&tracker, "agent-7").unwrap().sync(server.store())).unwrap();
    block_on(server.complete_operation(running.hash_key(), false, None)).unwrap();
    block_on(running.complete()).unwrap();
    work(&tracker, "after it", true);
    let passed = block_on(Agent::new(&tracker, "agent-7").unwrap().sync(server.store())).unwrap();
    assert_eq!((passed.versions, passed.conflicts), (2, 1));
    let (here, there) = (block_on(tracker.sync_status()).unwrap(), block_on(server.sync_status()).unwrap());
    assert_eq!(here.shown_conflicts, there.shown_conflicts);
    assert!(there.shown_conflicts[0].theirs.is_some());
}

#[test]
fn from_a_file_to_postgresql_and_back() {
    let database = installed();
    let dir = tempfile::tempdir().unwrap();
    let (from, clock) = agent();
    for n in 0..1500 {
        let tracker = if n % 3 == 0 { from.for_tenant(hash_key("acme")) } else { from.clone() };
        work(&tracker, &format!("job {n}"), n % 5 != 0);
    }
    let there = tracker(PostgresStore::open(&config(&database, "admin")).unwrap(), &clock);
    let back = tracker(RedbStore::open(dir.path(), Options::default()).unwrap(), &clock);
    for copied in [
        block_on(sync::copy(&from.for_all(), there.store(), |_| ())).unwrap(),
        block_on(sync::copy(&there.for_all(), back.store(), |_| ())).unwrap(),
    ] {
        assert_eq!(copied.comparison.named, []);
        assert_eq!((copied.comparison.operations, copied.passed.versions), (1500, 3000));
    }
    assert_eq!(contents(back.store()), contents(from.store()));
    block_on(check_invariants(&back));
}
