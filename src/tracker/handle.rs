//! A started operation in the hands of the one who runs it.

use std::time::Duration;

use super::Tracker;
use crate::error::Result;
use crate::hash::Hash;
use crate::intent::{Additions, Annotate, Finish, Intent, Outcome};
use crate::model::{Operation, Status, UnitId};
use crate::store::Store;

/// What became of a completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completion {
    /// It is recorded.
    Recorded,
    /// There is no such operation; nothing changed.
    Unknown,
    /// The operation has ended before, in this way; nothing changed.
    AlreadyFinished(Status),
}

impl Completion {
    /// Whether it is recorded: what the SQL function returns.
    #[must_use]
    pub fn is_recorded(self) -> bool {
        self == Self::Recorded
    }
}

/// A running operation. It knows its open version, so that completing it takes one round trip, and when
/// it began by a monotonic clock. Dropping it changes nothing: the operation stays RUNNING.
#[must_use = "complete it, or the operation stays RUNNING"]
pub struct Handle<S> {
    pub(super) tracker: Tracker<S>,
    pub(super) operation: Operation,
    pub(super) began: Duration,
}

impl<S> std::fmt::Debug for Handle<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").field("operation", &self.operation).finish_non_exhaustive()
    }
}

impl<S: Store> Handle<S> {
    /// The operation's hash key.
    #[must_use]
    pub fn hash_key(&self) -> Hash {
        self.operation.hub.script_execution_hk
    }

    /// The operation as this handle last knew it.
    #[must_use]
    pub fn operation(&self) -> &Operation {
        &self.operation
    }

    /// Records that it ended well.
    ///
    /// # Errors
    /// Gives the store's error; nothing is recorded then.
    pub async fn complete(self) -> Result<Completion> {
        self.finish(Outcome::Success, Additions::default()).await
    }

    /// Records that it failed, and why.
    ///
    /// # Errors
    /// Gives 22001 when `message` is over its limit, else the store's error; nothing is recorded then.
    pub async fn fail(self, message: impl Into<String>) -> Result<Completion> {
        self.finish(Outcome::Failure(Some(message.into())), Additions::default()).await
    }

    /// Records how it ended, and what else is known now.
    ///
    /// # Errors
    /// Names the field that breaks a limit, else gives the store's error; nothing is recorded then.
    pub async fn finish(self, outcome: Outcome, additions: Additions) -> Result<Completion> {
        let intent = self.finish_intent(outcome, additions)?;
        let operation = self.operation;
        self.tracker.carry_out(&intent, Some(operation)).await.map(|done| done.completion)
    }

    /// Adds to what is known of it while it runs; what was known before adds no version.
    ///
    /// # Errors
    /// Names the field that breaks a limit, else gives the store's error; nothing is recorded then.
    pub async fn annotate(&mut self, additions: Additions) -> Result<Completion> {
        let intent = Intent::Annotate(Annotate {
            unit: UnitId::random()?,
            operation: self.hash_key(),
            scope: self.tracker.scope,
            at: self.tracker.now(),
            additions,
            record_source: self.tracker.defaults.record_source.clone(),
        });
        let done = self.tracker.carry_out(&intent, Some(self.operation.clone())).await?;
        if let Some(operation) = done.operation {
            self.operation = operation;
        }
        Ok(done.completion)
    }

    pub(super) fn finish_intent(&self, outcome: Outcome, additions: Additions) -> Result<Intent> {
        let elapsed = self.tracker.defaults.clock.monotonic().saturating_sub(self.began);
        Ok(Intent::Finish(Finish {
            unit: UnitId::random()?,
            operation: self.hash_key(),
            scope: self.tracker.scope,
            at: self.tracker.now(),
            outcome,
            duration_ms: Some(i32::try_from(elapsed.as_millis()).unwrap_or(i32::MAX)),
            additions,
            record_source: self.tracker.defaults.record_source.clone(),
        }))
    }
}
