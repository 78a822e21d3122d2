//! Migrations that `opledger migrate` has run, or runs, in the same database.

use postgres::Client;
use postgres::error::SqlState;

use crate::migrations::{file, migrate, states};
use crate::support::{installed, refused, run, value};

/// Writes a state as the command does.
fn record(client: &mut Client, version: &str, status: &str, statement: &str) {
    let query = "SELECT script_tracking.record_migration('VERSIONED', $1, $2, 'V.sql', sha256('theirs'), 5, $3::text::integer, NULL, NULL)";
    let statement = (statement != "NULL").then_some(statement);
    client.execute(query, &[&version, &status, &statement]).unwrap();
}

/// A file without a transaction that stopped midway was run again from its beginning, over what it had done.
#[test]
fn what_was_left_half_done_is_refused() {
    let database = installed();
    let mut client = database.connect().unwrap();
    let path = file(&database, "V1.sql", "CREATE TABLE t (x integer)");
    for status in ["RUNNING", "FAILED"] {
        record(&mut client, status, status, "3");
        let [said, objects, details] = migrate(&mut client, &path, status);
        assert_eq!((&*said, &*objects), ("FAILED", "0"));
        assert!(details.starts_with(&format!("55000: version {status} was left half done at ")), "{details}");
        assert!(
            details.contains("statement 3 had begun") && details.contains("`opledger migrate repair`"),
            "{details}"
        );
        assert_eq!(states(&mut client, status), status, "nothing was written");
        assert_eq!(value(&mut client, "SELECT to_regclass('t') IS NULL"), "t", "nothing was run");
        // As `opledger migrate repair` does.
        record(&mut client, status, "FAILED", "NULL");
        assert_eq!(migrate(&mut client, &path, status), ["APPLIED", "1", ""]);
        run(&mut client, "DROP TABLE t");
    }
    record(&mut client, "accepted", "FAILED", "2");
    record(&mut client, "accepted", "APPLIED", "NULL");
    assert_eq!(
        migrate(&mut client, &path, "accepted")[0],
        "CHECKSUM_MISMATCH",
        "repair --accept took another file for it"
    );
}

#[test]
fn what_was_taken_back_may_run_again() {
    let database = installed();
    let mut client = database.connect().unwrap();
    let path = file(&database, "V1.sql", "CREATE TABLE t (x integer)");
    record(&mut client, "1", "APPLIED", "NULL");
    assert_eq!(migrate(&mut client, &path, "1")[0], "CHECKSUM_MISMATCH");
    record(&mut client, "1", "REVERTED", "NULL");
    assert_eq!(migrate(&mut client, &path, "1"), ["APPLIED", "1", ""]);
    assert_eq!(states(&mut client, "1"), "APPLIED REVERTED RUNNING APPLIED");
}

/// The command took `001` and `1` for one version, SQL for two: it ran the file a second time.
#[test]
fn versions_are_compared_as_numbers() {
    let database = installed();
    let mut client = database.connect().unwrap();
    let path = file(&database, "V1.sql", "CREATE TABLE t (x integer)");
    assert_eq!(migrate(&mut client, &path, "001")[0], "APPLIED");
    for same in ["1", "1.0", "01_0", "0001"] {
        assert_eq!(migrate(&mut client, &path, same)[0], "ALREADY_APPLIED", "{same}");
    }
    record(&mut client, "2.10", "FAILED", "NULL");
    let other = file(&database, "V2.sql", "CREATE TABLE u (x integer)");
    assert_eq!(migrate(&mut client, &other, "02.10.0")[0], "APPLIED");
    assert_eq!(states(&mut client, "2.10"), "FAILED RUNNING APPLIED", "the spelling that is there stays");
    let third = file(&database, "V3.sql", "SELECT 1");
    for another in ["10", "0.1", "2.1", "1a", "01a", "1..0", "0"] {
        assert_eq!(migrate(&mut client, &third, another)[0], "APPLIED", "{another}");
    }
}

/// A killed runner's statement goes on in the server, without the lock that migrations take turns by.
#[test]
fn while_a_runner_is_at_work_nothing_is_run() {
    let database = installed();
    let (mut client, mut files) = (database.connect().unwrap(), database.connect().unwrap());
    let path = file(&database, "V1.sql", "CREATE TABLE t (x integer)");
    run(&mut files, "SELECT pg_advisory_lock(hashtextextended('opledger migration files', 0))");
    let pid = value(&mut files, "SELECT pg_backend_pid()");
    let call = format!("SELECT * FROM script_tracking.run_migration_enterprise('{path}', '1')");
    // A file that the runner runs can't call it either: it would wait for its own runner.
    for session in [&mut client, &mut files] {
        let said = refused(session, &call, &SqlState::LOCK_NOT_AVAILABLE);
        assert!(said.contains(&format!("the server's process {pid}")), "{said}");
    }
    assert_eq!(states(&mut client, "1"), "");
    run(&mut files, "SELECT pg_advisory_unlock_all()");
    // Another database's runner is nobody's business here.
    let elsewhere = database.server().create_database().unwrap();
    let mut other = elsewhere.connect().unwrap();
    run(&mut other, "SELECT pg_advisory_lock(hashtextextended('opledger migration files', 0))");
    assert_eq!(migrate(&mut client, &path, "1"), ["APPLIED", "1", ""]);
}
