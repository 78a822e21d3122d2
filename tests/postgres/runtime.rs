//! Where a store lives: on the runtime that it was connected in, or on a thread of its own.

use std::sync::OnceLock;
use std::sync::mpsc;
use std::time::Duration;

use opledger::{ErrorKind, History, NewOperation, Position, Result, Store, Tracker, blocking};
use opledger_postgres::PostgresStore;
use opledger_testkit::Factory;
use tokio::runtime::{Builder, Runtime};

use crate::support::{InDatabase, config, installed};

fn runtime(threads: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(threads).enable_all().build().expect("a runtime")
}

/// A store in a database of its own that was connected in a runtime; the suite's threads are not that runtime's.
pub(crate) struct InRuntime(InDatabase);

impl InRuntime {
    pub(crate) fn new() -> Self {
        Self(InDatabase::new())
    }
}

impl Factory for InRuntime {
    type Store = PostgresStore;

    fn open(&self) -> PostgresStore {
        static RUNTIME: OnceLock<Runtime> = OnceLock::new();
        let runtime = RUNTIME.get_or_init(|| runtime(2));
        runtime.block_on(PostgresStore::connect(&config(self.0.database(), "keeper"))).expect("the store opens")
    }

    fn persistent(&self) -> bool {
        true
    }

    fn age_logins(&self, by: Duration) {
        self.0.age_logins(by);
    }
}

/// Runs it on a thread, and fails where it takes longer than any of this may.
fn in_time<T: Send + 'static>(what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = mpsc::channel();
    std::thread::spawn(move || done.send(work()));
    result.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|_| panic!("{what} hangs, or panicked"))
}

fn assert_closed<T: std::fmt::Debug>(what: &str, result: Result<T>) {
    assert_eq!(result.expect_err(what).kind(), ErrorKind::Closed, "{what}");
}

#[test]
fn after_its_runtime_ended_every_call_says_so() {
    let database = installed();
    let runtime = runtime(1);
    let tracker =
        Tracker::new(runtime.block_on(PostgresStore::connect(&config(&database, "admin"))).expect("the store opens"));
    let open = runtime.block_on(tracker.track_operation("before", "MANUAL")).expect("a start");
    runtime.shutdown_timeout(Duration::from_secs(10));
    in_time("a call", move || {
        pollster::block_on(async {
            assert_closed("a start", tracker.track_operation("after", "MANUAL").await);
            assert_closed("an end", open.complete().await);
            assert_closed("a read", tracker.execution_history(&History::default()).await);
            assert_closed("a report", tracker.enterprise_dashboard().await);
            assert_closed("a wait", tracker.store().wait(Position::START, Duration::from_secs(1)).await);
            tracker.close().await.expect("closing has nothing to wait for");
            assert_closed("closing again", tracker.close().await);
        });
    });
}

/// What waits, and what is under way, must not wait for a runtime that is gone.
#[test]
fn commits_that_wait_are_told_that_their_runtime_ended() {
    let database = installed();
    let runtime = runtime(1);
    let store = runtime.block_on(PostgresStore::connect(&config(&database, "admin"))).expect("the store opens");
    let tracker = blocking::Tracker::new(store);
    let mut other = database.connect().expect("a session");
    let mut lock = other.transaction().expect("a transaction");
    lock.batch_execute("LOCK TABLE script_tracking.script_execution_h").expect("the lock");
    // More than there are lanes: some are under way, the others wait behind them.
    let (told, answers) = mpsc::channel();
    for n in 0..24 {
        let (tracker, told) = (tracker.clone(), told.clone());
        std::thread::spawn(move || told.send(tracker.track_operation(&format!("job {n}"), "MANUAL").map(drop)));
    }
    let until = std::time::Instant::now() + Duration::from_secs(30);
    let stuck = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    let mut watch = database.connect().expect("a session");
    while watch.query_one(stuck, &[]).expect("an answer").get::<_, i64>(0) < 2 {
        assert!(std::time::Instant::now() < until, "commits must wait for the lock");
        std::thread::sleep(Duration::from_millis(10));
    }
    runtime.shutdown_timeout(Duration::from_secs(10));
    for _ in 0..24 {
        assert_closed("a commit", answers.recv_timeout(Duration::from_secs(30)).expect("an answer"));
    }
}

#[test]
fn a_store_of_a_runtime_may_be_waited_for_on_other_threads() {
    let database = installed();
    let runtime = runtime(1);
    let store = runtime.block_on(PostgresStore::connect(&config(&database, "admin"))).expect("the store opens");
    let tracker = blocking::Tracker::new(store);
    assert!(tracker.track_operation("on main", "MANUAL").unwrap().complete().unwrap().is_recorded());
    let there = tracker.clone();
    let work = move || there.track_operation("on a thread for such", "MANUAL")?.complete();
    assert!(runtime.block_on(runtime.spawn_blocking(work)).unwrap().unwrap().is_recorded());
    tracker.close().unwrap();
}

/// `open` is for waiting in place, on any thread: also on the only one of a runtime, which would otherwise wait for itself.
#[test]
fn a_store_that_was_opened_may_be_waited_for_anywhere() {
    let database = installed();
    let settings = config(&database, "admin");
    in_time("waiting in a runtime", move || {
        let pair = async move |settings| {
            let tracker = blocking::Tracker::new(PostgresStore::open(&settings).expect("the store opens"));
            assert!(tracker.track_operation("in place", "MANUAL").unwrap().complete().unwrap().is_recorded());
            tracker.close().unwrap();
        };
        let runtime = runtime(1);
        runtime.block_on(runtime.spawn(pair(settings.clone()))).unwrap();
        Builder::new_current_thread().enable_all().build().unwrap().block_on(pair(settings));
    });
}

/// Where the runtime has one thread that may be blocked at any time, the store has its own.
#[test]
fn a_store_that_was_connected_on_the_only_thread_has_its_own() {
    let database = installed();
    let settings = config(&database, "admin");
    in_time("waiting on the only thread", move || {
        let only = Builder::new_current_thread().enable_all().build().unwrap();
        let store = only.block_on(PostgresStore::connect(&settings)).expect("the store opens");
        let tracker = blocking::Tracker::new(store);
        only.block_on(async { tracker.track_operation("in place", "MANUAL").unwrap().complete().unwrap() });
        drop(only);
        assert!(tracker.track_operation("without it", "MANUAL").unwrap().complete().unwrap().is_recorded());
    });
}

/// A commit is handed over when it is called: neither its future nor the store need to stay for it.
#[test]
fn what_was_handed_over_is_written_though_nobody_waits() {
    let database = installed();
    let settings = config(&database, "admin");
    let runtime = runtime(2);
    for connected in [true, false] {
        let store = if connected {
            runtime.block_on(PostgresStore::connect(&settings)).expect("the store opens")
        } else {
            PostgresStore::open(&settings).expect("the store opens")
        };
        let tracker = Tracker::new(store);
        let work = async move {
            for n in 0..40 {
                let mut call = Box::pin(tracker.start(NewOperation::new(format!("{connected} {n}"))));
                // Polled once, so that it was called.
                std::future::poll_fn(|cx| std::task::Poll::Ready(call.as_mut().poll(cx).is_ready())).await;
            }
        };
        runtime.block_on(runtime.spawn(work)).unwrap();
    }
    let mut watch = database.connect().expect("a session");
    let until = std::time::Instant::now() + Duration::from_secs(30);
    let stored = "SELECT count(*) FROM script_tracking.script_execution_h";
    while watch.query_one(stored, &[]).expect("an answer").get::<_, i64>(0) < 80 {
        assert!(std::time::Instant::now() < until, "what was handed over is not written");
        std::thread::sleep(Duration::from_millis(10));
    }
}
