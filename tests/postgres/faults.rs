//! What goes wrong with servers and networks: nothing acknowledged is lost, nothing is doubled, errors say what to do.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use opledger::{ErrorKind, Hash, History, NewOperation, Status, blocking};
use opledger_postgres::{Config, PostgresStore};
use opledger_testkit::check_invariants;
use opledger_testkit_postgres::{Builder, Database, Server};

use crate::proxy::{Cut, Proxy};
use crate::support::{install, installed, server};

type Tracker = blocking::Tracker<PostgresStore>;

fn open(url: &str) -> Tracker {
    blocking::Tracker::new(PostgresStore::open(&settings(url)).expect("the store opens"))
}

fn settings(url: &str) -> Config {
    Config::with_environment(url, |_| None).expect("a URL")
}

/// A server that has lost nothing after a crash of its own, as one in production.
fn crash_safe() -> Builder {
    Server::builder().setting("synchronous_commit", "on").setting("full_page_writes", "on")
}

fn check(tracker: &Tracker, acknowledged: &BTreeSet<Hash>) {
    let facts = pollster::block_on(check_invariants(tracker.inner()));
    let rows = tracker.execution_history(&History::default()).unwrap().rows;
    let completed: BTreeSet<Hash> = rows
        .iter()
        .filter(|row| row.execution_status == Status::Completed)
        .map(|row| row.script_execution_hk)
        .collect();
    assert!(acknowledged.is_subset(&completed), "what was acknowledged is lost");
    assert_eq!((facts.operations, facts.versions), (rows.len(), rows.len() + completed.len()));
}

/// Writers go on while `trouble` happens; every call of theirs succeeds, if late.
fn write_through(tracker: &Tracker, trouble: impl FnOnce(&dyn Fn(usize))) -> BTreeSet<Hash> {
    let acknowledged = Mutex::new(BTreeSet::new());
    let (made, enough) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
    std::thread::scope(|threads| {
        for writer in 0..4 {
            let (acknowledged, made, enough) = (&acknowledged, &made, &enough);
            threads.spawn(move || {
                while made.load(Ordering::SeqCst) < enough.load(Ordering::SeqCst) {
                    let handle = tracker.track_operation(&format!("writer {writer}"), "MANUAL").unwrap();
                    let hk = handle.hash_key();
                    assert!(handle.complete().unwrap().is_recorded());
                    acknowledged.lock().unwrap().insert(hk);
                    made.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let until = |more: usize| {
            let wanted = made.load(Ordering::SeqCst) + more;
            while made.load(Ordering::SeqCst) < wanted {
                std::thread::yield_now();
            }
        };
        trouble(&until);
        until(50);
        enough.store(0, Ordering::SeqCst);
    });
    acknowledged.into_inner().unwrap()
}

#[test]
fn a_server_that_is_killed_and_started_again() {
    let server = crash_safe().start().unwrap();
    let database = server.create_database().unwrap();
    install(&database);
    let tracker = open(&format!("{} retry_timeout=60000", database.dsn("admin")));
    let acknowledged = write_through(&tracker, |until| {
        for _ in 0..3 {
            until(50);
            server.crash().unwrap();
            server.start_again().unwrap();
        }
    });
    check(&tracker, &acknowledged);
}

#[test]
fn a_server_that_is_gone_is_named() {
    let server = crash_safe().start().unwrap();
    let database = server.create_database().unwrap();
    install(&database);
    let tracker = open(&format!("{} retry_timeout=50", database.dsn("admin")));
    server.crash().unwrap();
    let error = tracker.track_operation("a", "MANUAL").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(error.is_retryable() && error.to_string().contains(database.name()), "{error}");
    server.start_again().unwrap();
    assert!(tracker.track_operation("a", "MANUAL").unwrap().complete().unwrap().is_recorded());
}

/// The answer to a COMMIT is lost, or the question before it: the unit is sent again, and known.
#[test]
fn a_connection_that_is_cut_before_and_after_the_commit() {
    let database = installed();
    let proxy = Proxy::start(server().socket_folder().to_owned());
    let url = |options| format!("host=127.0.0.1 port={} user=admin dbname={} {options}", proxy.port, database.name());
    let tracker = open(&url("pool_size=1"));
    let mut acknowledged = BTreeSet::new();
    // Statements are prepared.
    tracker.track_operation("first", "MANUAL").unwrap().complete().unwrap();
    let start = 1;
    for bytes in [0, 1, 5, 20, 60, 100, 400] {
        for cut in [Cut::Question(bytes), Cut::Answer(bytes)] {
            proxy.cut(cut);
            let handle = tracker.track_operation(&format!("{cut:?}"), "MANUAL").unwrap();
            acknowledged.insert(handle.hash_key());
            proxy.cut(cut);
            assert!(handle.complete().unwrap().is_recorded(), "{cut:?}");
        }
        assert!(proxy.has_cut() || bytes > 60, "{bytes}");
    }
    assert_eq!(acknowledged.len(), 14);
    let rows = tracker.execution_history(&History::default()).unwrap().rows;
    assert_eq!(rows.len(), 14 + start, "nothing is doubled");
    check(&tracker, &acknowledged);
}

/// Whoever gives up does not know; the error says so, and the same unit settles it.
#[test]
fn a_commit_in_doubt_says_so() {
    use opledger::intent::{Intent, Verdict};
    use opledger::store::{Outcome, Store};
    let database = installed();
    let proxy = Proxy::start(server().socket_folder().to_owned());
    let url = format!("host=127.0.0.1 port={} user=admin dbname={} retry_timeout=0", proxy.port, database.name());
    let tracker = open(&url);
    drop(tracker.track_operation("first", "MANUAL").unwrap());
    let intent = tracker.inner().start_intent(NewOperation::new("in doubt")).unwrap();
    let Verdict::Change(unit) = Intent::Start(intent).judge(None).unwrap() else { panic!("no change") };
    proxy.cut(Cut::Answer(0));
    let commit = || pollster::block_on(tracker.inner().store().commit(vec![(*unit).clone()]));
    let error = commit().unwrap_err();
    assert!(error.to_string().contains("whether it was recorded is not known"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(matches!(commit().unwrap()[..], [Outcome::Replayed(_)]), "it had been recorded");
}

#[test]
fn a_standby_that_is_promoted_takes_over() {
    let primary = crash_safe().setting("wal_level", "replica").start().unwrap();
    let database = primary.create_database().unwrap();
    install(&database);
    let standby = primary.start_standby().unwrap();
    let mut settings = database.connect().unwrap();
    settings.batch_execute("ALTER SYSTEM SET synchronous_standby_names = '*'").unwrap();
    settings.batch_execute("SELECT pg_reload_conf()").unwrap();
    let (one, other) = (primary.socket_folder().display(), standby.socket_folder().display());
    let url = format!(
        "host={one},{other} user=admin dbname={} target_session_attrs=read-write retry_timeout=60000",
        database.name()
    );
    let tracker = open(&url);
    let acknowledged = write_through(&tracker, |until| {
        until(50);
        primary.crash().unwrap();
        let mut there = postgres::Client::connect(&standby.dsn(database.name(), "postgres"), postgres::NoTls).unwrap();
        there.batch_execute("SELECT pg_promote()").unwrap();
    });
    check(&tracker, &acknowledged);
}

#[test]
fn a_server_without_room_for_another_session() {
    let server =
        Server::builder().setting("max_connections", "6").setting("superuser_reserved_connections", "3").start();
    let server = server.unwrap();
    let database = server.create_database().unwrap();
    install(&database);
    let taken: Vec<_> = (0..3).map(|_| database.connect_as("writer").unwrap()).collect();
    let url = database.dsn("admin");
    let refused = PostgresStore::open(&settings(&url)).unwrap_err();
    assert_eq!((refused.kind(), refused.is_retryable()), (ErrorKind::Overloaded, true));
    assert!(refused.to_string().contains("raise max_connections"), "{refused}");
    drop(taken);
    // Sessions end a moment after their clients.
    let tracker = loop {
        match PostgresStore::open(&settings(&url)) {
            Ok(store) => break Tracker::new(store),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Overloaded, "{error}"),
        }
    };
    let acknowledged = write_through(&tracker, |_| {});
    check(&tracker, &acknowledged);
}

#[test]
fn statements_that_take_too_long() {
    let database = installed();
    let mut other = database.connect().unwrap();
    for (options, kind, words) in [
        ("statement_timeout=100 lock_timeout=0", ErrorKind::Timeout, "raise the limit"),
        ("statement_timeout=0 lock_timeout=100", ErrorKind::Locked, "raise lock_timeout"),
    ] {
        let tracker = open(&format!("{} {options}", database.dsn("admin")));
        other.batch_execute("BEGIN; LOCK TABLE script_tracking.script_execution_h IN ACCESS EXCLUSIVE MODE").unwrap();
        let error = tracker.track_operation(options, "MANUAL").unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (kind, true), "{error}");
        assert!(error.to_string().contains(words), "{error}");
        other.batch_execute("COMMIT").unwrap();
        assert_eq!(tracker.execution_history(&History::default()).unwrap().rows.len(), 0);
    }
}

#[test]
fn a_server_that_takes_no_writes() {
    let database = installed();
    let url = format!("{} retry_timeout=0", database.dsn("admin"));
    let tracker = open(&url);
    drop(tracker.track_operation("a", "MANUAL").unwrap());
    let mut admin = database.connect().unwrap();
    let name = database.name();
    admin.batch_execute(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).unwrap();
    let tracker = open(&url);
    let error = tracker.track_operation("b", "MANUAL").unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::ReadOnly, true));
    assert!(error.to_string().contains("this server takes no writes"), "{error}");
    assert_eq!(tracker.execution_history(&History::default()).unwrap().rows.len(), 1);
    let error = PostgresStore::open(&settings(&format!("{url} target_session_attrs=read-write"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error}");
}

/// A schema that is not there, or older than the program, is no puzzle.
#[test]
fn a_database_without_the_schema() {
    let database = server().create_database().unwrap();
    let error = PostgresStore::open(&settings(&database.dsn("postgres"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MissingDependency);
    assert!(error.to_string().contains("opledger install"), "{error}");
}

struct Mount(tempfile::TempDir);

impl Mount {
    fn new(size: &str, owner: Option<(u32, u32)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "opledger-test"]).arg(folder.path());
        let mounted = mounted.output().unwrap();
        assert!(mounted.status.success(), "this test needs the right to mount a tmpfs (root): {mounted:?}");
        if let Some((user, group)) = owner {
            std::os::unix::fs::chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[test]
fn a_disk_that_is_full() {
    let server = Server::start().unwrap();
    let disk = Mount::new("40m", server.user());
    // Above the folder of the tablespace, everyone may pass.
    std::fs::set_permissions(disk.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let database: Database<'_> = server.create_database().unwrap();
    install(&database);
    let mut admin = database.connect().unwrap();
    admin.batch_execute(&format!("CREATE TABLESPACE small LOCATION '{}'", disk.path().display())).unwrap();
    let moved = "ALTER TABLE script_tracking.script_execution_s SET TABLESPACE small;
        CREATE TABLE ballast TABLESPACE small AS SELECT repeat(n::text, 100) FROM generate_series(1, 20000) n";
    admin.batch_execute(moved).unwrap();
    let tracker = open(&database.dsn("admin"));
    let mut acknowledged = BTreeSet::new();
    let error = loop {
        // Text that does not compress.
        let text: String = (0..500).map(|n| Hash::of(&format!("{n} {}", acknowledged.len())).to_string()).collect();
        let handle = match tracker.start(NewOperation::new("big").sql_command(text)) {
            Ok(handle) => handle,
            Err(error) => break error,
        };
        let hk = handle.hash_key();
        match handle.complete() {
            Ok(done) => assert!(done.is_recorded() && acknowledged.insert(hk)),
            Err(error) => break error,
        }
    };
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::DiskFull, true), "{error}");
    assert!(error.to_string().contains("make room on the server's disk"), "{error}");
    assert!(acknowledged.len() > 10);
    check(&tracker, &acknowledged);
    admin.batch_execute("DROP TABLE ballast; CHECKPOINT").unwrap();
    let handle = tracker.track_operation("small", "MANUAL").unwrap();
    acknowledged.insert(handle.hash_key());
    assert!(handle.complete().unwrap().is_recorded());
    check(&tracker, &acknowledged);
}
