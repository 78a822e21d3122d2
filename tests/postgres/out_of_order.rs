//! The log in PostgreSQL: transactions that commit out of order, restores, promotions.

use std::process::{Command, Stdio};
use std::time::Duration;

use opledger::{Position, Store, Tracker, blocking};
use opledger_postgres::PostgresStore;
use opledger_testkit_postgres::{Database, Server};

use crate::support::{config, install, installed, server};

fn tracker(database: &Database<'_>, options: &str) -> blocking::Tracker<PostgresStore> {
    let url = format!("{} {options}", database.dsn("admin"));
    let config = opledger_postgres::Config::with_environment(&url, |_| None).expect("a DSN");
    blocking::Tracker::new(PostgresStore::open(&config).expect("the store opens")).for_all()
}

fn names(tracker: &blocking::Tracker<PostgresStore>, after: Position) -> (Vec<String>, Position) {
    let mut reader = tracker.log_after(after);
    let mut names = Vec::new();
    loop {
        let batch = reader.next(3).expect("the log");
        assert!(batch.damaged.is_empty(), "{:?}", batch.damaged);
        if batch.entries.is_empty() {
            return (names, reader.position());
        }
        names.extend(batch.entries.into_iter().map(|entry| entry.version.attributes.script_name));
    }
}

/// Sessions get their transaction ids in one order and commit in another; a reader that resumes in between sees each
/// version once, in one order.
#[test]
fn transactions_that_commit_out_of_order_are_read_in_order() {
    let database = installed();
    let tracker = tracker(&database, "log_wait=50");
    let mut sessions: Vec<_> = (0..4).map(|_| database.connect_as("writer").unwrap()).collect();
    for (n, session) in sessions.iter_mut().enumerate() {
        session.batch_execute("BEGIN").unwrap();
        session.execute("SELECT script_tracking.track_operation($1::text)", &[&format!("number {n}")]).unwrap();
    }
    let (mut seen, mut position) = (Vec::new(), Position::START);
    for n in [2, 3, 1, 0] {
        sessions[n].batch_execute("COMMIT").unwrap();
        let (more, there) = names(&tracker, position);
        seen.push(more.len());
        position = there;
        // What waits for an older transaction was not passed.
        let found = tracker.execution_history(&opledger::History::default()).unwrap().rows.len();
        assert!(found >= seen.iter().sum());
    }
    // The first session's id is the smallest: with it, everything comes at once.
    assert_eq!(seen, [0, 0, 0, 4]);
    let (all, _) = names(&tracker, Position::START);
    assert_eq!(all, ["number 0", "number 1", "number 2", "number 3"]);
}

/// What a reader's own process acknowledged is waited for while another session holds the log back.
#[test]
fn a_reader_waits_for_a_transaction_that_is_about_to_end() {
    let database = installed();
    let tracker = tracker(&database, "log_wait=30000");
    let mut other = database.connect_as("writer").unwrap();
    other.batch_execute("BEGIN").unwrap();
    other.execute("SELECT script_tracking.track_operation('slow')", &[]).unwrap();
    drop(tracker.track_operation("quick", "MANUAL").unwrap());
    std::thread::scope(|threads| {
        let reader = threads.spawn(|| names(&tracker, Position::START).0);
        // The reader is under way when it asks the server again and again.
        let mut watcher = database.connect().unwrap();
        let asked =
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%store_held_back%' AND pid <> pg_backend_pid()
            AND datname = current_database()";
        while watcher.query_one(asked, &[]).unwrap().get::<_, i64>(0) == 0 {}
        other.batch_execute("COMMIT").unwrap();
        assert_eq!(reader.join().unwrap(), ["slow", "quick"]);
    });
}

/// `wait` gave a place before what was acknowledged, where it had something to give and a transaction of anybody held the
/// rest back: asked again, without a write in between, it gave another.
#[test]
fn who_waits_is_given_all_that_was_acknowledged() {
    let database = installed();
    let tracker = tracker(&database, "log_wait=30000");
    drop(tracker.track_operation("first", "MANUAL").unwrap());
    let mut other = database.connect_as("writer").unwrap();
    other.batch_execute("BEGIN").unwrap();
    other.execute("SELECT script_tracking.track_operation('slow')", &[]).unwrap();
    drop(tracker.track_operation("quick", "MANUAL").unwrap());
    std::thread::scope(|threads| {
        let waiting = threads
            .spawn(|| pollster::block_on(tracker.inner().store().wait(Position::START, Duration::ZERO)).unwrap());
        let mut watcher = database.connect().unwrap();
        let asked = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT held_back%' AND datname = current_database()";
        while watcher.query_one(asked, &[]).unwrap().get::<_, i64>(0) == 0 && !waiting.is_finished() {}
        other.batch_execute("COMMIT").unwrap();
        let last = waiting.join().unwrap();
        assert_eq!((names(&tracker, Position::START).0.len(), last), (3, names(&tracker, Position::START).1));
    });
}

/// Who holds the log back for long is named in the health report, in SQL and in Rust.
#[test]
fn a_log_that_is_held_back_is_a_health_row() {
    let database = installed();
    let tracker = tracker(&database, "");
    let mut other = database.connect_as("writer").unwrap();
    let holder: i32 = other.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0);
    other.batch_execute("BEGIN").unwrap();
    other.execute("SELECT script_tracking.track_operation('slow')", &[]).unwrap();
    drop(tracker.track_operation("waits", "MANUAL").unwrap());
    let mut owner = database.connect().unwrap();
    let mut after = |time: &str| -> (String, String) {
        let sql =
            "SELECT current_status, details FROM script_tracking.log_health(clock_timestamp() + $1::text::interval)";
        let row = owner.query_one(sql, &[&time]).unwrap();
        (row.get(0), row.get(1))
    };
    assert_eq!(after("0").0, "EXCELLENT");
    assert_eq!((after("2 min").0, after("11 min").0), ("GOOD".to_owned(), "WARNING".to_owned()));
    let (status, details) = after("2 hours");
    assert_eq!(status, "POOR");
    // Tests of other databases of this server have transactions too: one of them may be the oldest for a moment.
    assert!(details.contains("held back by process "), "{details} (process {holder})");
    other.batch_execute("COMMIT").unwrap();
    let rows = tracker.system_health().unwrap();
    let own: Vec<_> = rows.iter().filter(|row| ["CAPTURE", "LOG"].contains(&row.health_category)).collect();
    let metrics: Vec<_> = own.iter().map(|row| (row.health_metric, row.current_status.as_str())).collect();
    let well = [("event_triggers", "EXCELLENT"), ("capture_failures", "EXCELLENT"), ("horizon", "EXCELLENT")];
    assert_eq!(metrics, well);
}

/// Where the oldest transaction ended while the report was made, nobody was said to hold the log back: the next one did, and for long.
#[test]
fn the_next_one_holds_the_log_back_when_the_oldest_ends() {
    let database = installed();
    let tracker = tracker(&database, "");
    let [mut oldest, mut next] = [(); 2].map(|()| database.connect_as("writer").unwrap());
    for client in [&mut oldest, &mut next] {
        client.batch_execute("BEGIN; SELECT script_tracking.track_operation('slow')").unwrap();
    }
    drop(tracker.track_operation("waits", "MANUAL").unwrap());
    let mut owner = database.connect().unwrap();
    owner
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM script_tracking.store_held_back()")
        .unwrap();
    oldest.batch_execute("COMMIT").unwrap();
    let later = "SELECT current_status FROM script_tracking.log_health(clock_timestamp() + interval '11 min')";
    assert_eq!(owner.query_one(later, &[]).unwrap().get::<_, String>(0), "WARNING");
}

fn epochs(database: &Database<'_>) -> Vec<i64> {
    let mut client = database.connect().unwrap();
    let rows = client.query("SELECT epoch FROM script_tracking.log_epoch ORDER BY epoch", &[]).unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// A dump's transaction ids mean nothing in another cluster, where they may all lie in the future: a reader would see nothing
/// of it until that cluster has used as many.
#[test]
fn a_restore_begins_an_epoch_in_which_everything_is_seen() {
    let database = installed();
    // Ids that the other cluster will not reach.
    database
        .connect()
        .unwrap()
        .batch_execute(
            "DO $$ BEGIN FOR i IN 1 .. 3000 LOOP
        PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$",
        )
        .unwrap();
    let before = tracker(&database, "");
    for name in ["a", "b"] {
        before.track_operation(name, "MANUAL").unwrap().complete().unwrap();
    }
    let (_, resume) = names(&before, Position::START);
    drop(before.track_operation("c", "MANUAL").unwrap());
    let id = before.inner().info().id;

    let other = Server::start().unwrap();
    let restored = other.create_database().unwrap();
    copy(server().program("pg_dumpall").arg("--roles-only"), &other, "postgres");
    copy(server().program("pg_dump").arg(database.name()), &other, restored.name());

    let after = tracker(&restored, "");
    assert_eq!(epochs(&restored), [1, 2]);
    assert_eq!(after.inner().info().id, id);
    drop(after.track_operation("d", "MANUAL").unwrap());
    assert_eq!(names(&after, Position::START).0, ["a", "a", "b", "b", "c", "d"]);
    let (rest, last) = names(&after, resume);
    assert_eq!(rest, ["c", "d"]);
    assert!(last > resume && after.verify().unwrap().is_sound());
    // Who connects again finds the epoch begun.
    drop(tracker(&restored, ""));
    assert_eq!(epochs(&restored), [1, 2]);
}

/// Runs what a program dumps in a database of another server.
fn copy(dump: &mut Command, server: &Server, database: &str) {
    let mut dump = dump.stdout(Stdio::piped()).spawn().unwrap();
    let script = dump.stdout.take().unwrap();
    let done = server.program("psql").args(["-X", "-q", "-d", database]).stdin(script).output().unwrap();
    assert!(dump.wait().unwrap().success());
    // The role postgres is there already: that is all that may fail.
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    let errors: Vec<_> =
        said.lines().filter(|line| line.contains("ERROR") && !line.contains("already exists")).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

/// A standby that is promoted may lack what its primary had given out: its timeline begins an epoch, also for a session that was
/// opened while it was a standby.
#[test]
fn a_promotion_begins_an_epoch() {
    let primary = Server::builder().setting("wal_level", "replica").start().unwrap();
    let database = primary.create_database().unwrap();
    install(&database);
    let before = tracker(&database, "");
    drop(before.track_operation("a", "MANUAL").unwrap());
    let (_, resume) = names(&before, Position::START);

    let standby = primary.start_standby().unwrap();
    let url = standby.dsn(database.name(), "admin");
    let there = opledger_postgres::Config::with_environment(&url, |_| None).unwrap();
    let after = blocking::Tracker::new(PostgresStore::open(&there).unwrap()).for_all();
    assert_eq!(names(&after, Position::START).0, ["a"]);
    let refused = after.track_operation("too early", "MANUAL").unwrap_err();
    assert_eq!(refused.kind(), opledger::ErrorKind::ReadOnly);
    assert!(refused.to_string().contains("target_session_attrs=read-write"), "{refused}");
    let mut session = postgres::Client::connect(&standby.dsn(database.name(), "postgres"), postgres::NoTls).unwrap();
    assert!(session.query_one("SELECT pg_promote()", &[]).unwrap().get::<_, bool>(0));
    drop(after.track_operation("b", "MANUAL").unwrap());
    assert_eq!(names(&after, resume).0, ["b"]);
    let epochs: i64 = session.query_one("SELECT count(*) FROM script_tracking.log_epoch", &[]).unwrap().get(0);
    assert_eq!(epochs, 2);
}

/// Somebody who only waits is woken by another process's commit too.
#[test]
fn another_process_wakes_who_waits() {
    let database = installed();
    let (here, there) = (tracker(&database, ""), tracker(&database, ""));
    let async_tracker = Tracker::new(PostgresStore::open(&config(&database, "admin")).unwrap());
    let end = pollster::block_on(async_tracker.store().wait(Position::START, Duration::ZERO)).unwrap();
    std::thread::scope(|threads| {
        let waiting = threads.spawn(|| here.log_after(end).wait(Duration::from_secs(60)).unwrap());
        drop(there.track_operation("a", "MANUAL").unwrap());
        assert!(waiting.join().unwrap());
    });
}
