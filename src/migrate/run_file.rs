//! One file, run: its operation, its states, its statements, and what is found out when it fails.

use std::time::Instant;

use super::executor::{DatabaseError, Executor};
use super::failure::{Aftermath, Failure, Stop};
use super::file::{Direction, Planned};
use super::objects::Objects;
use super::recorder::{Recorder, operation_of};
use super::runner::{Event, Surroundings};
use super::split::Splitter;
use super::state::{MigrationKind, MigrationState, MigrationStatus};
use crate::error::{Error, Result};
use crate::hash::{Hash, Metadata};
use crate::intent::{Additions, Outcome};

/// One file that was run, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The file's name.
    pub file: String,
    /// Its version, as rows have it.
    pub version: String,
    /// How often it runs.
    pub kind: MigrationKind,
    /// Which way it went.
    pub direction: Direction,
    /// Its operation in the ledger.
    pub operation: Hash,
    /// How many statements it has.
    pub statements: usize,
    /// How long it took, in milliseconds.
    pub execution_time_ms: i32,
    /// Why it failed, where it did.
    pub failure: Option<Failure>,
}

/// Runs one file under the lock. A file that fails is no error here: the run tells.
///
/// # Errors
/// Gives the ledger's error. Where it could not record the beginning, nothing was run.
pub(super) async fn run_file<E: Executor, R: Recorder>(
    executor: &mut E,
    recorder: &R,
    around: &Surroundings<'_>,
    planned: &Planned<'_>,
) -> Result<Run> {
    let operation = recorder.begin(operation_of(planned, &executor.location())?).await?;
    let mut file = FileRun { executor, around, planned, operation, began: Instant::now(), objects: Objects::default() };
    let stop = if planned.script.in_transaction { file.transaction().await } else { file.statements().await };
    let failure = match stop {
        Ok(()) => None,
        Err(stop) => file.settle(stop).await,
    };
    let (execution_time_ms, objects) = (file.elapsed(), file.objects.into_names());
    end(recorder, operation, execution_time_ms, objects, failure.as_ref()).await.map_err(|cause| {
        let state = if failure.is_none() { "was run" } else { "has failed" };
        let message = format!(
            "{} {state}, but the ledger could not record its end, so operation {operation} stays RUNNING: \
             `migrate repair` ends it: {cause}",
            planned.script.file
        );
        Error::new(cause.kind(), message).on(operation).caused_by(cause)
    })?;
    Ok(Run {
        file: planned.script.file.clone(),
        version: planned.version.clone(),
        kind: planned.migration.kind,
        direction: planned.direction,
        operation,
        statements: planned.statements,
        execution_time_ms,
        failure,
    })
}

async fn end<R: Recorder>(
    recorder: &R,
    operation: Hash,
    duration_ms: i32,
    objects: Vec<String>,
    failure: Option<&Failure>,
) -> Result<()> {
    let Some(failure) = failure else {
        let additions = Additions { objects, ..Additions::default() };
        return recorder.end(operation, Outcome::Success, Some(duration_ms), additions).await;
    };
    if failure.aftermath == Aftermath::Unknown {
        // Whoever finds out ends it.
        return Ok(());
    }
    let number = |number: Option<usize>| number.map(|number| number.to_string());
    let known = [
        ("error_code", failure.error.sqlstate.clone()),
        ("line", number(failure.line)),
        ("statement_number", number(failure.statement_number)),
        ("statement", failure.statement.clone()),
        ("aftermath", Some(failure.aftermath.as_str().to_owned())),
        ("invalid_indexes", Some(failure.invalid_indexes.join(", ")).filter(|names| !names.is_empty())),
    ];
    let metadata = Metadata::from_pairs(known.into_iter().filter_map(|(key, value)| Some((key, value?))))?;
    let additions = Additions { objects, metadata: Some(metadata), ..Additions::default() };
    recorder.end(operation, Outcome::Failure(Some(failure.message.clone())), Some(duration_ms), additions).await
}

struct FileRun<'r, E> {
    executor: &'r mut E,
    around: &'r Surroundings<'r>,
    planned: &'r Planned<'r>,
    operation: Hash,
    began: Instant,
    objects: Objects,
}

impl<'r, E: Executor> FileRun<'r, E> {
    /// All of the file and the state that says so, or nothing.
    async fn transaction(&mut self) -> Result<(), Stop<'r>> {
        self.executor.reset().await?;
        // A version that is taken back stays applied until it is not: only what is made is announced.
        if self.planned.direction == Direction::Up {
            let running = self.state(MigrationStatus::Running, None);
            self.executor.note(&[running]).await?;
        }
        self.executor.begin().await?;
        let done = self.run_statements(false).await;
        if done.is_err() {
            if let Err(error) = self.executor.rollback().await {
                // The server undoes what is open when its session ends.
                tracing::debug!(%error, "a migration could not be rolled back by command");
            }
            return done;
        }
        let state = self.state(self.target(), None);
        self.executor.commit(&state).await.map_err(|error| Stop { at: None, error, at_commit: true })
    }

    /// Each statement by itself; before each it is noted that it begins.
    async fn statements(&mut self) -> Result<(), Stop<'r>> {
        self.executor.reset().await?;
        self.run_statements(true).await?;
        // Also tells whether the file left a transaction open.
        self.executor.reset().await?;
        let state = self.state(self.target(), None);
        Ok(self.executor.note(&[state]).await?)
    }

    async fn run_statements(&mut self, note_each: bool) -> Result<(), Stop<'r>> {
        let text = &self.planned.script.text;
        for (place, piece) in Splitter::new(text).enumerate() {
            let number = place + 1;
            let piece =
                piece.map_err(|cause| DatabaseError { message: cause.to_string(), ..DatabaseError::default() })?;
            let statement = piece.statement;
            let stop = |error| Stop { at: Some((number, statement)), error, at_commit: false };
            if note_each {
                let state = self.state(MigrationStatus::Running, Some(number));
                self.executor.note(&[state]).await.map_err(stop)?;
            }
            self.objects.see(&piece, text);
            self.executor.execute(statement.text).await.map_err(stop)?;
            (self.around.progress)(&Event::Statement { number, of: self.planned.statements });
        }
        Ok(())
    }

    /// Finds out what is left of a file that stopped, and notes it; none where it was applied after all.
    async fn settle(&mut self, stop: Stop<'r>) -> Option<Failure> {
        let in_transaction = self.planned.script.in_transaction;
        let mut reachable = true;
        if stop.error.is_lost {
            match self.executor.reconnect().await {
                Ok(()) if stop.at_commit && self.is_recorded().await == Some(true) => return None,
                Ok(()) => {}
                Err(cause) => {
                    tracing::debug!(%cause, "the database can't be reached again");
                    reachable = false;
                }
            }
        }
        let aftermath = match (in_transaction, stop.at_commit && !reachable) {
            (false, _) => Aftermath::Partial,
            (true, false) => Aftermath::RolledBack,
            (true, true) => Aftermath::Unknown,
        };
        let number = stop.at.map(|(number, _)| number).unwrap_or(self.planned.statements);
        let mut failure = Failure::new(&self.planned.script.file, stop, aftermath, self.around.mask);
        if reachable && aftermath != Aftermath::Unknown {
            let left = (!in_transaction).then_some(number);
            self.note_failure(&failure, left).await;
            if !in_transaction {
                failure.invalid_indexes = self.executor.invalid_indexes().await.unwrap_or_default();
            }
        }
        Some(failure)
    }

    async fn note_failure(&mut self, failure: &Failure, left: Option<usize>) {
        // What was to be taken back and was not is applied as before.
        if self.planned.direction == Direction::Down && left.is_none() {
            return;
        }
        let mut state = self.state(MigrationStatus::Failed, left);
        state.error_details = Some(failure.message.clone());
        if let Err(error) = self.executor.note(&[state]).await {
            // The state before says that it runs, and means the same: it did not come to its end.
            tracing::warn!(%error, "the failure of a migration could not be noted in its database");
        }
    }

    /// Whether the database has the state that the commit was to write; none where it can't be asked.
    async fn is_recorded(&mut self) -> Option<bool> {
        let last = self.executor.state_of(self.operation).await.ok()?;
        Some(last.is_some_and(|last| last.state.status == self.target()))
    }

    fn target(&self) -> MigrationStatus {
        match self.planned.direction {
            Direction::Up => MigrationStatus::Applied,
            Direction::Down => MigrationStatus::Reverted,
        }
    }

    fn state(&self, status: MigrationStatus, statement: Option<usize>) -> MigrationState {
        let is_running = status == MigrationStatus::Running;
        MigrationState {
            kind: self.planned.migration.kind,
            version: self.planned.version.clone(),
            status,
            file: Some(self.planned.script.file.clone()),
            checksum: Some(self.planned.script.checksum),
            execution_time_ms: (!is_running).then(|| self.elapsed()),
            statement_number: statement.map(|number| i32::try_from(number).unwrap_or(i32::MAX)),
            error_details: None,
            operation: Some(self.operation),
        }
    }

    fn elapsed(&self) -> i32 {
        i32::try_from(self.began.elapsed().as_millis()).unwrap_or(i32::MAX)
    }
}
