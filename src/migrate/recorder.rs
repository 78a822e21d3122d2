//! The ledger, as the runner sees it: an operation begins, an operation ends.

use super::file::Planned;
use super::state::{MigrationStatus, RecordedState};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::{Hash, Metadata};
use crate::intent::{Additions, Intent, Outcome};
use crate::model::{MAX_NAME, Status};
use crate::store::Store;
use crate::tracker::{Completion, History, NewOperation, Tracker};

/// The type of the operations.
const TYPE: &str = "MIGRATION";
/// The member of their metadata that names the database.
const DATABASE: &str = "database";
/// Further back no operation is looked for, in days.
const DAYS: i64 = 36_500;

/// Takes the runner's operations: a [`Tracker`], or another way into a ledger.
pub trait Recorder: Sync {
    /// Records that an operation begins; gives its hash key. There for good on return.
    fn begin(&self, new: NewOperation) -> impl Future<Output = Result<Hash>> + Send;

    /// Records that an operation has ended, after so many milliseconds. There for good on return.
    fn end(
        &self,
        operation: Hash,
        outcome: Outcome,
        duration_ms: Option<i32>,
        additions: Additions,
    ) -> impl Future<Output = Result<()>> + Send;
}

impl<S: Store> Recorder for Tracker<S> {
    async fn begin(&self, new: NewOperation) -> Result<Hash> {
        Ok(self.start(new).await?.hash_key())
    }

    async fn end(
        &self,
        operation: Hash,
        outcome: Outcome,
        duration_ms: Option<i32>,
        additions: Additions,
    ) -> Result<()> {
        let mut intent = self.finish_intent(operation, outcome, additions)?;
        if let Intent::Finish(finish) = &mut intent {
            finish.duration_ms = duration_ms;
        }
        let why = match self.carry_out(&intent, None).await?.completion {
            Completion::Recorded => return Ok(()),
            Completion::Unknown => "it is unknown".to_owned(),
            Completion::AlreadyFinished(status) => format!("it is {status} already"),
        };
        let message = format!("the end of operation {operation} was not recorded: {why}");
        Err(Error::new(ErrorKind::Conflict, message).on(operation))
    }
}

/// The operation of a file.
pub(super) fn operation_of(planned: &Planned<'_>, database: &str) -> Result<NewOperation> {
    let Planned { migration, version, script, statements, direction } = planned;
    let name = format!("Migration {version}: {}", script.file).chars().take(MAX_NAME).collect::<String>();
    let metadata = Metadata::from_pairs([
        (DATABASE, database.to_owned()),
        ("migration_kind", migration.kind.to_string()),
        ("migration_version", version.clone()),
        ("migration_file", script.file.clone()),
        ("direction", direction.as_str().to_owned()),
        ("checksum", script.checksum.to_string()),
        ("statements", statements.to_string()),
        ("transaction", if script.in_transaction { "yes" } else { "no" }.to_owned()),
    ])?;
    // What the file says stays in the file: there may be values in it.
    let command = format!("{} ({statements} statements)", script.file);
    Ok(NewOperation::new(name).script_type(TYPE).sql_command(command).metadata(metadata))
}

/// The operation of a change to the table of states alone.
pub(super) fn operation_on_states(action: &str, database: &str) -> Result<NewOperation> {
    let name = format!("Migrations: {action}");
    let metadata = Metadata::from_pairs([(DATABASE, database), ("action", action)])?;
    Ok(NewOperation::new(name).script_type(TYPE).metadata(metadata))
}

/// An operation of a migration that is RUNNING in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// The operation.
    pub operation: Hash,
    /// What it is called.
    pub name: String,
}

impl Leftover {
    /// How the operation ended, and why that is known: by the last state that it wrote into the database. Holds where no
    /// runner is at work.
    #[must_use]
    pub fn explain(last: Option<&RecordedState>) -> (Status, String) {
        match last.map(|last| &last.state) {
            Some(state) if matches!(state.status, MigrationStatus::Running | MigrationStatus::Failed) => {
                let details = match state.statement_number {
                    Some(number) => format!("interrupted: statement {number} had begun, those before it are done"),
                    None => "interrupted, and rolled back".to_owned(),
                };
                (Status::Failed, details)
            }
            Some(state) => (Status::Completed, format!("the database says {}; its end was not recorded", state.status)),
            None => (Status::Failed, "interrupted; nothing of it is in the database".to_owned()),
        }
    }
}

/// The operations on `database` that are RUNNING: in the hands of a runner, or left by one that was interrupted.
///
/// # Errors
/// Gives the store's error.
pub async fn leftovers<S: Store>(tracker: &Tracker<S>, database: &str) -> Result<Vec<Leftover>> {
    // As the metadata has it: a JSON string.
    let wanted = Metadata::from_pairs([(DATABASE, database)])?.get(DATABASE);
    let running =
        History { days: DAYS, status: Some(Status::Running), script_type: Some(TYPE.to_owned()), ..History::default() };
    let mut found = Vec::new();
    for row in tracker.execution_history(&running).await? {
        let Some(operation) = tracker.operation(row.script_execution_hk).await? else { continue };
        let named = operation.open.attributes.metadata.and_then(|metadata| metadata.get(DATABASE));
        if named == wanted {
            found.push(Leftover { operation: row.script_execution_hk, name: row.script_name });
        }
    }
    Ok(found)
}
