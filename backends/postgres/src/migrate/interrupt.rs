//! Stopping a run from outside: no further statement begins, and the one that runs is cancelled.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use opledger::migrate::DatabaseError;
use opledger::{Error, ErrorKind, Result};

use crate::Session;

/// Stops a run on a [`MigratedDatabase`](crate::MigratedDatabase) from another thread: see
/// [`MigratedDatabase::interrupt`](crate::MigratedDatabase::interrupt).
///
/// The file that runs fails with 57014 and is on record like any that fails: rolled back, or PARTIAL without a transaction.
#[derive(Debug, Clone)]
pub struct Interrupt(Arc<State>);

#[derive(Debug)]
struct State {
    asked: AtomicBool,
    files: Mutex<Session>,
}

impl Interrupt {
    pub(super) fn new(files: &Session) -> Self {
        Self(Arc::new(State { asked: AtomicBool::new(false), files: Mutex::new(files.clone()) }))
    }

    /// The session that runs the files was made anew.
    pub(super) fn follow(&self, files: &Session) {
        *self.0.files.lock().unwrap_or_else(PoisonError::into_inner) = files.clone();
    }

    /// Stops the run, also one that waits for the lock. Returns when the server was told, not when the run has ended.
    ///
    /// # Errors
    /// Gives 08006 where the server can't be told: what it runs goes on, and nothing begins after it.
    pub async fn stop(&self) -> Result<()> {
        self.0.asked.store(true, Ordering::SeqCst);
        let files = self.0.files.lock().unwrap_or_else(PoisonError::into_inner).clone();
        files.cancel().await
    }

    pub(super) fn check(&self) -> Result<(), Interrupted> {
        if self.0.asked.load(Ordering::SeqCst) { Err(Interrupted) } else { Ok(()) }
    }
}

/// The run was told to stop.
pub(super) struct Interrupted;

const MESSAGE: &str = "it was interrupted";

impl From<Interrupted> for DatabaseError {
    fn from(_: Interrupted) -> Self {
        let sqlstate = Some(ErrorKind::Timeout.sqlstate().to_owned());
        Self { sqlstate, message: MESSAGE.to_owned(), is_english: true, ..Self::default() }
    }
}

impl From<Interrupted> for Error {
    fn from(_: Interrupted) -> Self {
        Self::new(ErrorKind::Timeout, MESSAGE)
    }
}
