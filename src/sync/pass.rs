//! One pass: all that waits is sent, with as many tries as patience has.

use std::pin::Pin;
use std::time::Duration;

use super::backoff::Backoff;
use super::mark::{self, Side};
use super::stop::{Patience, Stop};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::Hash;
use crate::model::{MAX_USER, check_chars};
use crate::store::{Scope, Store};
use crate::tracker::Tracker;

/// Versions in one call, at most.
const BATCH: usize = 1000;
/// Bytes in one call, at most, roughly: a single version may have more.
const BYTES: usize = 4 << 20;
/// How long a one-shot sync goes on without getting anywhere.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What a pass did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Passed {
    /// Versions that the other store took over, those that it had already among them.
    pub versions: u64,
    /// Versions that it did not take; each is a conflict on record.
    pub conflicts: u64,
    /// Operations that were dropped before: the GAPs that were sent.
    pub gaps: u64,
    /// How often a call failed and was made again.
    pub failures: u64,
    /// The other store had forgotten calls that it had acknowledged: it was restored from a backup. It got them again.
    pub server_was_behind: bool,
}

/// An agent with a store of its own, whose operations go to another store.
#[derive(Debug)]
pub struct Agent<S> {
    pub(super) tracker: Tracker<S>,
    pub(super) name: String,
    /// Whether this is an agent that comes back, and so keeps a mirror of the mark; else a copy.
    pub(super) is_agent: bool,
    pub(super) accept_restored: bool,
    pub(super) new_store: bool,
    pub(super) batch: usize,
    pub(super) patience: Option<Duration>,
}

impl<S> Clone for Agent<S> {
    fn clone(&self) -> Self {
        Self { tracker: self.tracker.clone(), name: self.name.clone(), ..*self }
    }
}

impl<S: Store> Agent<S> {
    /// The agent of this name, which sends the rows that `tracker` sees. The name is its store's for good: another store
    /// that comes under it is refused.
    ///
    /// # Errors
    /// Gives 22001 when the name has over 100 characters, 22023 when it is empty or holds a NUL.
    pub fn new(tracker: &Tracker<S>, name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        check_chars("agent", &name, MAX_USER)?;
        if name.is_empty() {
            return Err(Error::new(ErrorKind::InvalidValue, "agent must not be empty: it is the name of this store"));
        }
        let (tracker, patience) = (tracker.clone(), Some(PATIENCE));
        Ok(Self { tracker, name, is_agent: true, accept_restored: false, new_store: false, batch: BATCH, patience })
    }

    /// A copy, which the other store remembers by the identity of the store it is from.
    pub(super) fn for_copy(tracker: &Tracker<S>) -> Result<Self> {
        let copy = Self::new(tracker, format!("copy of {}", tracker.info().id))?;
        Ok(Self { is_agent: false, accept_restored: true, ..copy })
    }

    /// Goes on although the store was restored from a backup: everything that it has is sent again. What the other store
    /// has already adds nothing; what went another way there is a conflict.
    #[must_use]
    pub fn accept_restored(self) -> Self {
        Self { accept_restored: true, ..self }
    }

    /// Goes on although another store came under this name before: this one takes its place.
    #[must_use]
    pub fn new_store(self) -> Self {
        Self { new_store: true, ..self }
    }

    /// Sends up to so many versions in one call, instead of 1,000.
    #[must_use]
    pub fn batch(self, versions: usize) -> Self {
        Self { batch: versions.max(1), ..self }
    }

    /// Gives up after so long without getting anywhere, instead of 30 seconds. With none at all it tries once.
    #[must_use]
    pub fn patience(self, time: Duration) -> Self {
        Self { patience: Some(time), ..self }
    }

    /// Sends all that waits now, once.
    ///
    /// # Errors
    /// Gives 22023 when this store was restored from a backup, or is another than came under this name before, and
    /// says what to do; the store's error when one of the two could not be used within the time. What was sent until then is
    /// acknowledged, and the next call goes on behind it.
    pub async fn sync<R: Store>(&self, remote: &R) -> Result<Passed> {
        self.pass(remote, self.patience, &Stop::default(), |_| ()).await
    }

    pub(super) async fn pass<R: Store>(
        &self,
        remote: &R,
        patience: Option<Duration>,
        stop: &Stop,
        progress: impl FnMut(&Passed) + Send,
    ) -> Result<Passed> {
        let width = self.batch;
        let passed = Passed::default();
        let mut way =
            Way { agent: self, remote, stop, patience: Patience::new(patience), width, passed, progress, bytes: BYTES };
        let mut backoff = Backoff::new(LONGEST_WAIT);
        loop {
            let sent = way.passed.versions;
            let error = match way.attempt().await {
                Ok(()) => return Ok(way.passed),
                Err(error) if error.is_retryable() => error,
                Err(error) => return Err(error.during("sync")),
            };
            if way.passed.versions > sent {
                backoff.succeeded();
            }
            way.passed.failures += 1;
            let wait = backoff.failed()?;
            if way.patience.left().is_some_and(|left| left <= wait) {
                return Err(error.during("sync"));
            }
            tracing::debug!(%error, ?wait, "a sync failed; it is tried again");
            stop.sleep(wait).await;
            if stop.is_set() {
                return Err(error.during("sync"));
            }
        }
    }

    pub(super) fn scope(&self) -> Scope {
        self.tracker.scope()
    }

    pub(super) fn key(&self, side: Side) -> Hash {
        mark::key(side, &self.name, self.scope())
    }
}

/// A call of the other store. In a box, because a caller's future would else be nested deeper than the compiler looks.
type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// A pass on its way.
pub(super) struct Way<'a, S, R, P> {
    pub(super) agent: &'a Agent<S>,
    pub(super) remote: &'a R,
    pub(super) stop: &'a Stop,
    pub(super) patience: Patience,
    /// How many versions go into one call now: half as many after a failure, twice as many after a success.
    pub(super) width: usize,
    pub(super) bytes: usize,
    pub(super) passed: Passed,
    pub(super) progress: P,
}

impl<S: Store, R: Store, P: FnMut(&Passed) + Send> Way<'_, S, R, P> {
    /// The answer of the other store, within the time that is left.
    pub(super) async fn ask<T>(&self, work: Call<'_, T>) -> Result<T> {
        let limit = self.patience.of_a_call();
        let whom = self.remote.info();
        self.stop.within(limit, &format!("the {} store at {}", whom.engine, whom.location), work).await
    }
}
