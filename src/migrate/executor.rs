//! The database that is migrated, as the runner sees it.

use std::fmt;

use super::import::OtherHistory;
use super::state::{MigrationState, RecordedState};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::Hash;

/// What a database must be able to do to be migrated.
///
/// There are two lines to it: one for the files, and one that holds the lock and writes what must stay when a file fails.
pub trait Executor: Send {
    /// Where the database is, without secrets. Operations name it, so it stays the same from run to run.
    fn location(&self) -> String;

    /// Tries for the lock, once and without waiting; tells whether it has it.
    fn try_lock(&mut self) -> impl Future<Output = Result<bool>> + Send;

    /// Who holds the lock: a person can find them by what is said here.
    fn lock_holder(&mut self) -> impl Future<Output = Result<Option<String>>> + Send;

    /// Gives the lock back.
    fn unlock(&mut self) -> impl Future<Output = Result<()>> + Send;

    /// The last state of each version; empty where no migration ever ran.
    fn states(&mut self) -> impl Future<Output = Result<Vec<RecordedState>>> + Send;

    /// The last state that an operation wrote.
    fn state_of(&mut self, operation: Hash) -> impl Future<Output = Result<Option<RecordedState>>> + Send;

    /// Makes the table of states, where it is not there.
    fn make_table(&mut self) -> impl Future<Output = Result<(), DatabaseError>> + Send;

    /// Writes states, all or none, outside of a file's transaction: there for good on return.
    fn note(&mut self, states: &[MigrationState]) -> impl Future<Output = Result<(), DatabaseError>> + Send;

    /// Forgets what the last file left to its session, such as settings, roles and temporary tables.
    fn reset(&mut self) -> impl Future<Output = Result<(), DatabaseError>> + Send;

    /// Begins a transaction. Fails where the lock is not held any more.
    fn begin(&mut self) -> impl Future<Output = Result<(), DatabaseError>> + Send;

    /// Runs one statement.
    fn execute(&mut self, statement: &str) -> impl Future<Output = Result<(), DatabaseError>> + Send;

    /// Writes the state and commits the transaction. Fails, and commits nothing, where the lock is not held any more.
    fn commit(&mut self, state: &MigrationState) -> impl Future<Output = Result<(), DatabaseError>> + Send;

    /// Undoes the transaction.
    fn rollback(&mut self) -> impl Future<Output = Result<(), DatabaseError>> + Send;

    /// Connects again after a connection was lost, without the lock, to find out what became of a file.
    fn reconnect(&mut self) -> impl Future<Output = Result<()>> + Send;

    /// The names of indexes that were not built to their end.
    fn invalid_indexes(&mut self) -> impl Future<Output = Result<Vec<String>>> + Send;

    /// The history that another tool left, in the only table of that kind or in the one named.
    fn other_history(&mut self, table: Option<&str>) -> impl Future<Output = Result<OtherHistory>> + Send;
}

/// What the database said about a statement.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DatabaseError {
    /// The SQLSTATE; none where the network failed.
    pub sqlstate: Option<String>,
    /// The message.
    pub message: String,
    /// More of it. May hold values.
    pub detail: Option<String>,
    /// What to do.
    pub hint: Option<String>,
    /// Where it happened: in which function, at which row.
    pub context: Option<String>,
    /// The character of the statement, from 1.
    pub position: Option<usize>,
    /// Whether the connection is gone.
    pub is_lost: bool,
    /// Whether the message is in English, where what is quoted is in double quotes.
    pub is_english: bool,
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(sqlstate) = &self.sqlstate {
            write!(f, "{sqlstate}: ")?;
        }
        f.write_str(&self.message)?;
        for (name, more) in [("Detail", &self.detail), ("Hint", &self.hint), ("Context", &self.context)] {
            if let Some(more) = more {
                write!(f, "\n  {name}: {more}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for DatabaseError {}

impl From<DatabaseError> for Error {
    fn from(error: DatabaseError) -> Self {
        let known = error.sqlstate.as_deref().and_then(ErrorKind::from_sqlstate);
        let kind = if error.is_lost { ErrorKind::Connection } else { known.unwrap_or(ErrorKind::Io) };
        Error::new(kind, error.to_string())
    }
}
