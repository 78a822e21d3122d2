//! Changes to the table of states alone: repair and baseline. Each is an operation of its own.

use super::executor::Executor;
use super::file::Migration;
use super::recorder::{Leftover, Recorder, operation_on_states};
use super::runner::Runner;
use super::state::{MigrationKind, MigrationState, MigrationStatus};
use super::survey::{Condition, Item, survey};
use super::version::MigrationVersion;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::Hash;
use crate::intent::{Additions, Outcome};
use crate::model::Status;

/// One thing that was put right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// The file, the version, or the operation.
    pub what: String,
    /// How it stands now.
    pub status: &'static str,
    /// Why.
    pub details: String,
}

impl<E: Executor, R: Recorder> Runner<'_, E, R> {
    /// Puts right what failed or interrupted runs left: a half done file may run again from its beginning, operations that
    /// stayed RUNNING are ended by what the database knows of them. Files named in `accept` count as applied as they are now.
    ///
    /// `leftovers` is read by [`leftovers`](super::leftovers) while no runner is at work.
    ///
    /// # Errors
    /// Gives 22023 for a name in `accept` that is no file of the folder or has nothing to accept; then nothing is changed. 55P03
    /// naming who holds the lock, else the database's error, or the ledger's.
    pub async fn repair(
        &mut self,
        migrations: &[Migration],
        accept: &[String],
        leftovers: &[Leftover],
    ) -> Result<Vec<Repaired>> {
        self.lock().await?;
        let done = self.repair_locked(migrations, accept, leftovers).await;
        self.unlock().await;
        done
    }

    async fn repair_locked(
        &mut self,
        migrations: &[Migration],
        accept: &[String],
        leftovers: &[Leftover],
    ) -> Result<Vec<Repaired>> {
        let states = self.executor.states().await?;
        let items = survey(migrations, &states);
        check_accepted(&items, accept)?;
        let mut writes = Vec::new();
        let mut done = Vec::new();
        for item in &items {
            if let Some((state, details)) = repaired(item, accept) {
                let what = item.name().to_owned();
                done.push(Repaired { what, status: state.status.as_str(), details: details.to_owned() });
                writes.push(state);
            }
        }
        if !writes.is_empty() {
            self.write_states("repair", writes).await?;
        }
        for leftover in leftovers {
            done.push(self.end_leftover(leftover).await?);
        }
        Ok(done)
    }

    async fn end_leftover(&mut self, leftover: &Leftover) -> Result<Repaired> {
        let last = self.executor.state_of(leftover.operation).await?;
        let (status, details) = Leftover::explain(last.as_ref());
        let outcome = match status {
            Status::Failed => Outcome::Failure(Some(details.clone())),
            _ => Outcome::Success,
        };
        self.recorder.end(leftover.operation, outcome, None, Additions::default()).await?;
        let what = format!("operation {} ({})", leftover.operation, leftover.name);
        Ok(Repaired { what, status: status.as_str(), details })
    }

    /// Says that the database has all versions up to `version` already, without running them. For a database that no migration
    /// ran on yet.
    ///
    /// # Errors
    /// Gives 23505 naming a version that the database has. 55P03 naming who holds the lock, else the database's error, or the
    /// ledger's.
    pub async fn baseline(&mut self, migrations: &[Migration], version: &MigrationVersion) -> Result<Vec<String>> {
        self.lock().await?;
        let done = self.baseline_locked(migrations, version).await;
        self.unlock().await;
        done
    }

    async fn baseline_locked(&mut self, migrations: &[Migration], version: &MigrationVersion) -> Result<Vec<String>> {
        let states = self.executor.states().await?;
        let items = survey(migrations, &states);
        if let Some(item) = items.iter().find(|item| item.condition.is_in_database()) {
            let message = format!("nothing was changed: {} is {}", item.name(), item.condition.as_str());
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        let covered = items.iter().filter(|item| item.number.as_ref().is_some_and(|number| number <= version));
        let mut writes: Vec<_> = covered
            .map(|item| baseline_state(&item.version, item.migration.map(|migration| migration.up.file.clone())))
            .collect();
        if !items.iter().any(|item| item.number.as_ref() == Some(version)) {
            writes.push(baseline_state(version.as_str(), None));
        }
        let versions = writes.iter().map(|state| state.version.clone()).collect();
        self.write_states("baseline", writes).await?;
        Ok(versions)
    }

    /// Writes states as one operation.
    pub(super) async fn write_states(&mut self, action: &str, mut states: Vec<MigrationState>) -> Result<Hash> {
        let operation = self.recorder.begin(operation_on_states(action, &self.executor.location())?).await?;
        for state in &mut states {
            state.operation = Some(operation);
        }
        let written = match self.executor.make_table().await {
            Ok(()) => self.executor.note(&states).await,
            Err(error) => Err(error),
        };
        let outcome = match &written {
            Ok(()) => Outcome::Success,
            Err(error) => Outcome::Failure(Some(error.message.clone())),
        };
        let objects = states.into_iter().map(|state| state.file.unwrap_or(state.version)).collect();
        self.recorder.end(operation, outcome, None, Additions { objects, ..Additions::default() }).await?;
        written?;
        Ok(operation)
    }
}

fn check_accepted(items: &[Item<'_>], accept: &[String]) -> Result<()> {
    for name in accept {
        let refused = |why: String| Error::new(ErrorKind::InvalidValue, format!("nothing was changed: {name} {why}"));
        let file = |item: &&Item<'_>| item.migration.is_some_and(|migration| migration.up.file == *name);
        let Some(item) = items.iter().find(file) else { return Err(refused("is no file of the folder".to_owned())) };
        if !is_acceptable(item.condition) {
            return Err(refused(format!("has nothing to accept: it is {}", item.condition.as_str())));
        }
    }
    Ok(())
}

fn is_acceptable(condition: Condition) -> bool {
    use Condition::{Changed, Failed, Interrupted, Outdated, Partial};
    matches!(condition, Changed | Failed | Interrupted | Outdated | Partial)
}

/// The state that puts an item right, and why.
fn repaired(item: &Item<'_>, accept: &[String]) -> Option<(MigrationState, &'static str)> {
    let last = &item.last?.state;
    let mut state = MigrationState { execution_time_ms: None, statement_number: None, operation: None, ..last.clone() };
    if let Some(migration) = item.migration.filter(|migration| accept.contains(&migration.up.file)) {
        state.status = MigrationStatus::Applied;
        state.file = Some(migration.up.file.clone());
        state.checksum = Some(migration.up.checksum);
        state.error_details = None;
        return Some((state, "accepted as it is now"));
    }
    let details = match item.condition {
        Condition::Partial => "half done before; it may run again from its beginning",
        Condition::Interrupted => "interrupted before, and rolled back; it may run again",
        _ => return None,
    };
    state.status = MigrationStatus::Failed;
    state.error_details = Some(details.to_owned());
    Some((state, details))
}

pub(super) fn baseline_state(version: &str, file: Option<String>) -> MigrationState {
    MigrationState {
        kind: MigrationKind::Versioned,
        version: version.to_owned(),
        status: MigrationStatus::Baseline,
        file,
        checksum: None,
        execution_time_ms: None,
        statement_number: None,
        error_details: None,
        operation: None,
    }
}
