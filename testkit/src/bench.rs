//! What a case works on: a fresh store, a tracker on it, and a clock.

use std::time::Duration;

use opledger::users::UserSettings;
use opledger::{Completion, Handle, Hash, NewOperation, Store, Timestamp, Tracker, hash_key};

use crate::invariants::check_invariants;
use crate::{Factory, ManualClock};

/// A fresh store with a tracker whose clock the case sets; it begins at noon of 2024-01-15.
#[derive(Debug)]
pub struct Bench<F: Factory> {
    factory: F,
    tracker: Option<Tracker<F::Store>>,
    /// The tracker's clock.
    pub clock: ManualClock,
}

impl<F: Factory> Bench<F> {
    /// Opens the store.
    #[must_use]
    pub fn new(factory: F) -> Self {
        let clock = ManualClock::new("2024-01-15T12:00:00Z".parse().unwrap());
        let mut bench = Self { factory, tracker: None, clock };
        bench.open();
        bench
    }

    fn open(&mut self) {
        // The least work that bcrypt knows: the rules are the same.
        let users = UserSettings { bcrypt_cost: 4, ..UserSettings::default() };
        let builder = Tracker::builder().clock(self.clock.clone()).user("tester").record_source("testkit").users(users);
        self.tracker = Some(builder.build(self.factory.open()));
    }

    /// The system's own tracker.
    #[must_use]
    pub fn tracker(&self) -> &Tracker<F::Store> {
        self.tracker.as_ref().expect("the store is open")
    }

    /// A tenant's tracker.
    #[must_use]
    pub fn tenant(&self, name: &str) -> Tracker<F::Store> {
        self.tracker().for_tenant(hash_key(name))
    }

    /// Lets time pass for logins and sessions, whoever times them.
    pub fn elapse_for_logins(&self, time: Duration) {
        self.clock.elapse(time);
        self.factory.age_logins(time);
    }

    /// Closes the store and opens it again, where that keeps what was written. No tracker or handle may be left.
    pub async fn reopen(&mut self) {
        if self.factory.persistent() {
            self.tracker().close().await.expect("the store closes");
            self.tracker = None;
            self.open();
        }
    }

    /// Checks the whole store and closes it; one that the case closed already is let go.
    pub async fn finish(mut self) {
        if self.tracker().store().get(opledger::Scope::All, &[]).await.is_ok() {
            check_invariants(self.tracker()).await;
            self.reopen().await;
            check_invariants(self.tracker()).await;
            self.tracker().close().await.expect("the store closes");
        }
    }
}

/// Runs an operation of `kind` that starts now and takes `ms`: completed, or failed with the message `it broke`.
pub(crate) async fn run<S: Store>(tracker: &Tracker<S>, clock: &ManualClock, kind: &str, ok: bool, ms: u64) -> Hash {
    let handle = tracker.start(NewOperation::new(format!("a {kind}")).script_type(kind)).await.unwrap();
    let hk = handle.hash_key();
    clock.run(Duration::from_millis(ms));
    let done = if ok { handle.complete().await } else { handle.fail("it broke").await };
    assert_eq!(done.unwrap(), Completion::Recorded);
    hk
}

/// The same, started at `at`; the clock stays where it was.
pub(crate) async fn run_at<S: Store>(
    tracker: &Tracker<S>,
    clock: &ManualClock,
    at: Timestamp,
    kind: &str,
    (ok, ms): (bool, u64),
) -> Hash {
    let now = tracker.now();
    clock.set(at);
    let hk = run(tracker, clock, kind, ok, ms).await;
    clock.set(now);
    hk
}

/// Starts an operation that goes on running.
pub(crate) async fn begin<S: Store>(tracker: &Tracker<S>, kind: &str) -> Handle<S> {
    tracker.start(NewOperation::new(format!("a {kind}")).script_type(kind)).await.unwrap()
}
