//! Tracking a future or a closure from beginning to end, also when it panics or is cancelled.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::task::Poll;

use super::{Handle, NewOperation, Tracker};
use crate::error::Error;
use crate::intent::{Additions, Intent, Outcome};
use crate::store::Store;

/// What can go wrong around tracked work.
#[derive(Debug, thiserror::Error)]
pub enum ScopeError<T, E> {
    /// The start could not be recorded; the work was not begun.
    #[error("the work was not begun, because its start could not be recorded: {0}")]
    NotStarted(#[source] Error),
    /// The work failed, and that is recorded.
    #[error("{0}")]
    Work(E),
    /// The work ended, but its outcome could not be recorded: the operation is still RUNNING.
    #[error("the work ended, but that could not be recorded: {error}")]
    Unrecorded {
        /// What the work gave.
        outcome: Result<T, E>,
        /// Why it is not recorded.
        #[source]
        error: Error,
    },
}

impl<S: Store> Tracker<S> {
    /// Runs a future as an operation: COMPLETED when it gives `Ok`, FAILED with the error's text when it gives
    /// `Err`, FAILED when it panics (the panic goes on) or when this future is dropped before the end.
    ///
    /// # Errors
    /// Gives [`ScopeError::Work`] with the work's own error, or what could not be recorded.
    pub async fn track<T, E, F>(&self, new: NewOperation, work: F) -> Result<T, ScopeError<T, E>>
    where
        F: Future<Output = Result<T, E>>,
        E: std::fmt::Display,
    {
        let handle = self.start(new).await.map_err(ScopeError::NotStarted)?;
        let mut guard = Guard(Some(handle));
        let mut work = pin!(work);
        let ended = poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(outcome)) => Poll::Ready(Ok(outcome)),
            Err(panic) => Poll::Ready(Err(panic)),
        })
        .await;
        let ending = match &ended {
            Ok(Ok(_)) => Outcome::Success,
            Ok(Err(error)) => Outcome::Failure(Some(storable(&error.to_string()))),
            Err(panic) => Outcome::Failure(Some(storable(&format!("panicked: {}", panic_text(&**panic))))),
        };
        let recorded = match guard.0.take() {
            Some(handle) => handle.finish(ending, Additions::default()).await,
            None => return Err(ScopeError::NotStarted(super::broken_contract("", "the guard was empty"))),
        };
        match (ended, recorded) {
            (Err(panic), recorded) => {
                if let Err(error) = recorded {
                    tracing::error!(%error, "the end of a panicked operation could not be recorded");
                }
                resume_unwind(panic)
            }
            (Ok(outcome), Err(error)) => Err(ScopeError::Unrecorded { outcome, error }),
            (Ok(outcome), Ok(_)) => outcome.map_err(ScopeError::Work),
        }
    }
}

/// Completes its operation as cancelled when it is dropped with it.
struct Guard<S: Store>(Option<Handle<S>>);

impl<S: Store> Drop for Guard<S> {
    fn drop(&mut self) {
        let Some(handle) = self.0.take() else { return };
        let message = "cancelled: the tracked future was dropped before it ended";
        let intent = handle.finish_intent(Outcome::Failure(Some(message.to_owned())), Additions::default());
        match intent {
            Ok(intent) => record_detached(handle, intent),
            Err(error) => tracing::error!(%error, "a cancelled operation stays RUNNING"),
        }
    }
}

/// Hands the completion over at once and leaves the waiting, and any second judgement, to a thread.
fn record_detached<S: Store>(handle: Handle<S>, intent: Intent) {
    let Handle { tracker, operation, .. } = handle;
    let mut completion = Box::pin(async move { tracker.carry_out(&intent, Some(operation)).await });
    // Commit is eager: the first poll hands the unit over.
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    if let Poll::Ready(done) = completion.as_mut().poll(&mut context) {
        return log_failure(done.map(|_| ()));
    }
    let spawned = std::thread::Builder::new()
        .name("opledger-cancelled".to_owned())
        .spawn(move || log_failure(pollster::block_on(completion).map(|_| ())));
    if let Err(error) = spawned {
        tracing::error!(%error, "no thread to wait until a cancelled operation is recorded");
    }
}

fn log_failure(done: crate::Result<()>) {
    if let Err(error) = done {
        tracing::error!(%error, "a cancelled operation stays RUNNING: its end could not be recorded");
    }
}

/// The text of a panic, where it has one.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a text")
}

/// An error's text within the limits of error_message: a long text must not keep its failure off the record.
pub(crate) fn storable(text: &str) -> String {
    let mut end = text.len().min(crate::model::MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().replace('\0', " ")
}
