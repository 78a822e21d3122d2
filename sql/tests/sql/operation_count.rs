//! The total is a count of the past and what came since. It must be what a recount gives, whoever writes, removes or
//! rolls back meanwhile.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use opledger_testkit_postgres::Server;
use postgres::error::SqlState;

use crate::support::{LOGINS, dump, installed, psql, refused, restore, rows, run, value};

/// The total that is told, and the one that is counted, as one snapshot has them.
const BOTH: &str = "SELECT metric_value::bigint, (SELECT count(*) FROM script_tracking.script_execution_h)
    FROM script_tracking.get_enterprise_dashboard() WHERE metric_name = 'total_operations'";
const TRACK: &str = "SELECT script_tracking.track_operation('counted')";
const FOLD: &str = "SELECT script_tracking.fold_operation_count()";
const FOLDED: &str = "SELECT operations FROM script_tracking.operation_count WHERE tenant_hk IS NOT DISTINCT FROM script_tracking.session_tenant()";

fn expect(client: &mut postgres::Client, total: &str) {
    assert_eq!(rows(client, BOTH), [[total, total]]);
}

#[test]
fn what_is_in_flight_is_counted_when_it_is_there() {
    let database = installed();
    let mut acme = database.connect_as("acme").unwrap();
    let mut long = database.connect_as("acme").unwrap();
    let mut undone = database.connect_as("acme").unwrap();
    run(&mut long, &format!("BEGIN; {TRACK}"));
    run(&mut undone, &format!("BEGIN; {TRACK}"));
    run(&mut acme, TRACK);
    // Its own, before and after it folds, in a subtransaction and out of it.
    run(&mut acme, &format!("BEGIN; {TRACK}; SAVEPOINT a; {TRACK}"));
    assert_eq!(value(&mut acme, FOLD), "t");
    assert_eq!(value(&mut acme, FOLDED), "1");
    run(&mut acme, &format!("{TRACK}; RELEASE a; {TRACK}"));
    expect(&mut acme, "5");
    run(&mut acme, "COMMIT");
    expect(&mut acme, "5");
    run(&mut acme, "BEGIN ISOLATION LEVEL REPEATABLE READ");
    expect(&mut acme, "5");
    run(&mut long, &format!("{TRACK}; COMMIT; {FOLD}"));
    run(&mut undone, "ROLLBACK");
    // An older snapshot has the older count.
    expect(&mut acme, "5");
    run(&mut acme, "COMMIT");
    expect(&mut acme, "7");
    assert_eq!(value(&mut long, FOLDED), "7");
    expect(&mut database.connect_as("globex").unwrap(), "0");
    expect(&mut database.connect_as("writer").unwrap(), "0");
    expect(&mut database.connect_as("admin").unwrap(), "7");
}

#[test]
fn it_equals_a_recount_under_races() {
    let database = installed();
    let working = AtomicUsize::new(4);
    let (checked, folded, removed) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    let old = "SELECT script_tracking.record_operation('old', p_execution_timestamp => now() - interval '400 days')";
    std::thread::scope(|scope| {
        for login in ["acme", "acme", "globex", "writer"] {
            let (database, working) = (&database, &working);
            scope.spawn(move || {
                let mut client = database.connect_as(login).unwrap();
                for round in 0..150 {
                    let end = if round % 5 == 0 { "ROLLBACK" } else { "COMMIT" };
                    run(
                        &mut client,
                        &format!("{TRACK}; {old}; BEGIN; {TRACK}; SAVEPOINT a; {old}; {FOLD}; ROLLBACK TO a; {old}"),
                    );
                    run(&mut client, &format!("{TRACK}; {end}"));
                }
                working.fetch_sub(1, Ordering::SeqCst);
            });
        }
        for login in ["acme", "writer"] {
            let (database, working, folded) = (&database, &working, &folded);
            scope.spawn(move || {
                let mut client = database.connect_as(login).unwrap();
                while working.load(Ordering::SeqCst) > 0 {
                    folded.fetch_add(usize::from(value(&mut client, FOLD) == "t"), Ordering::SeqCst);
                }
            });
        }
        scope.spawn(|| {
            let mut admin = database.connect_as("admin").unwrap();
            while working.load(Ordering::SeqCst) > 0 {
                let some = value(&mut admin, "SELECT script_tracking.cleanup_old_data()") != "0";
                removed.fetch_or(some, Ordering::SeqCst);
                run(&mut admin, "CALL script_tracking.cleanup_old_data_batched(365, 7)");
            }
        });
        for login in ["acme", "globex", "writer", "admin"] {
            let (database, working, checked) = (&database, &working, &checked);
            scope.spawn(move || {
                let mut client = database.connect_as(login).unwrap();
                while working.load(Ordering::SeqCst) > 0 {
                    let both = rows(&mut client, BOTH);
                    assert_eq!(both[0][0], both[0][1], "{login}");
                    checked.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    for login in ["acme", "globex", "writer", "admin"] {
        let mut client = database.connect_as(login).unwrap();
        let both = rows(&mut client, BOTH);
        assert_eq!(both[0][0], both[0][1], "{login}");
    }
    let (checked, folded) = (checked.into_inner(), folded.into_inner());
    assert!(checked > 50 && folded > 10 && removed.into_inner(), "raced: {checked} checks, {folded} folds");
}

#[test]
fn removal_takes_out_what_was_counted_and_no_more() {
    let database = installed();
    let mut acme = database.connect_as("acme").unwrap();
    let mut admin = database.connect_as("admin").unwrap();
    let old = "SELECT script_tracking.record_operation('old', p_execution_timestamp => now() - interval '400 days')";
    for call in [old, TRACK, FOLD, old] {
        run(&mut acme, call);
    }
    assert_eq!(value(&mut acme, FOLDED), "2");
    assert_eq!(value(&mut admin, "SELECT script_tracking.cleanup_old_data()"), "2");
    assert_eq!(value(&mut acme, FOLDED), "1");
    expect(&mut acme, "1");
    // What a superuser deletes by hand is in no count, until a verify counts anew.
    run(&mut acme, FOLD);
    run(&mut database.connect().unwrap(), "DELETE FROM script_tracking.script_execution_h");
    run(&mut admin, "SELECT script_tracking.verify()");
    expect(&mut acme, "0");
}

#[test]
fn folding_waits_for_nobody_and_fails_nobody() {
    let database = installed();
    let mut acme = database.connect_as("acme").unwrap();
    let mut other = database.connect_as("acme").unwrap();
    run(&mut acme, &format!("BEGIN; {TRACK}; {FOLD}"));
    // It would hang here, for the first one does not end.
    assert_eq!(value(&mut other, FOLD), "f");
    run(&mut acme, "COMMIT");
    assert_eq!(value(&mut other, FOLD), "t");
    run(&mut acme, &format!("BEGIN ISOLATION LEVEL REPEATABLE READ; {TRACK}"));
    run(&mut other, &format!("{TRACK}; {FOLD}"));
    assert_eq!(value(&mut acme, FOLD), "f");
    run(&mut acme, "COMMIT");
    expect(&mut acme, "3");
    // A cleanup whose snapshot is older than a count is told to try again.
    let mut admin = database.connect_as("admin").unwrap();
    run(&mut admin, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM script_tracking.script_execution_h");
    run(&mut other, &format!("{TRACK}; {FOLD}"));
    refused(&mut admin, "SELECT script_tracking.cleanup_old_data()", &SqlState::T_R_SERIALIZATION_FAILURE);
    run(&mut admin, "ROLLBACK");
    // No tenant's row is another's.
    let of_other = "SELECT script_tracking.fold_operation_count(script_tracking.calculate_hash_key('globex'))";
    refused(&mut acme, of_other, &SqlState::INSUFFICIENT_PRIVILEGE);
    // An error is told before its transaction has let go of what it holds; the next answer comes after that.
    run(&mut acme, "SELECT");
    assert_eq!(value(&mut admin, of_other), "t");
    refused(&mut acme, "UPDATE script_tracking.operation_count SET operations = 9", &SqlState::INSUFFICIENT_PRIVILEGE);
}

/// A writer waited a millisecond for its turn to fold, by lock_timeout. Where it got that in the moment its time was up, PostgreSQL said
/// that the user cancelled the statement (57014), and the start that folded failed: once in some thousand such moments, so what is
/// checked is that there are none.
#[test]
fn no_function_sets_a_timeout() {
    let database = installed();
    let timed = "SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'script_tracking'::regnamespace
        AND (p.proconfig::text ~ '_timeout' OR p.prosrc ~ '_timeout')";
    assert_eq!(rows(&mut database.connect().unwrap(), timed), Vec::<Vec<String>>::new());
}

/// A restored count spoke of another cluster's transactions: what was tracked after the restore was not counted.
#[test]
fn another_clusters_count_is_not_believed() {
    let database = installed();
    let mut acme = database.connect_as("acme").unwrap();
    let burn = |count: u64| {
        format!("DO $$ BEGIN FOR i IN 1 .. {count} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$")
    };
    run(&mut acme, &burn(3000));
    for _ in 0..300 {
        run(&mut acme, TRACK);
    }
    run(&mut acme, FOLD);
    let there = Server::start().unwrap();
    let roles = there.create_database().unwrap();
    psql(&roles, "postgres", "install.sql").unwrap();
    run(&mut roles.connect().unwrap(), LOGINS);
    let restored = there.create_database().unwrap();
    restore(&restored, &dump(&database, "postgres").unwrap());
    let mut acme = restored.connect_as("acme").unwrap();
    expect(&mut acme, "300");
    let behind = "SELECT horizon > pg_snapshot_xmax(pg_current_snapshot()) FROM script_tracking.operation_count";
    assert_eq!(value(&mut acme, behind), "t", "or this shows nothing");
    run(&mut acme, TRACK);
    expect(&mut acme, "301");
    run(&mut acme, FOLD);
    run(&mut acme, TRACK);
    expect(&mut acme, "302");
    // Its transactions pass those of the rows that came from elsewhere, while some of these are counted and some are not.
    let gap = "SELECT max(log_xid::text::bigint) - pg_snapshot_xmax(pg_current_snapshot())::text::bigint FROM script_tracking.script_execution_h";
    let gap: u64 = value(&mut acme, gap).parse().unwrap();
    for step in 1..=40 {
        run(&mut acme, TRACK);
        run(&mut acme, &burn(gap / 39 + 1));
        run(&mut acme, FOLD);
        expect(&mut acme, &(302 + step).to_string());
    }
    let all = "SELECT operations, horizon::text::bigint > (SELECT max(log_xid::text::bigint) FROM script_tracking.script_execution_h) FROM script_tracking.operation_count";
    assert_eq!(rows(&mut acme, all), [["342", "t"]], "or this shows nothing");
}
