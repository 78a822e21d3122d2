//! `migrate status`: how each version stands, and what was left behind.

use opledger::migrate::{Condition, Executor, Item, Leftover, MigrationStatus, read_folder, survey};
use pollster::block_on;

use crate::args::Global;
use crate::args::migrate::Target;
use crate::exit::{self, Failure};
use crate::output::{self, Rows, Value};

pub(super) fn run(global: &Global, target: &Target) -> Result<u8, Failure> {
    let migrations = read_folder(&target.folder)?;
    let mut database = super::connect(target)?;
    let holder = block_on(database.lock_holder())?;
    let states = block_on(database.states())?;
    let mut rows = Rows::new([
        "migration_kind",
        "migration_version",
        "migration_file",
        "migration_status",
        "applied_at",
        "execution_time_ms",
        "applied_by",
        "script_execution_hk",
        "details",
    ]);
    for item in survey(&migrations, &states) {
        rows.push(row(&item, holder.as_deref()));
    }
    for index in block_on(database.invalid_indexes())? {
        let details = format!("it was not built to its end: DROP INDEX CONCURRENTLY {index}, then run its file again");
        rows.push(other("INDEX", &index, "INVALID", None, details));
    }
    for leftover in super::leftovers(global, &database) {
        let details = match &holder {
            Some(holder) => format!("in the hands of {holder}, or left by an earlier run"),
            None => {
                let last = block_on(database.state_of(leftover.operation))?;
                format!("{}; `migrate repair` ends it", Leftover::explain(last.as_ref()).1)
            }
        };
        rows.push(other("OPERATION", &leftover.name, "RUNNING", Some(leftover.operation), details));
    }
    output::print(global.format, &rows)?;
    Ok(exit::OK)
}

fn row(item: &Item<'_>, holder: Option<&str>) -> [Value; 9] {
    let last = item.last;
    let is_running = last.is_some_and(|last| last.state.status == MigrationStatus::Running);
    let (status, details) = match holder {
        Some(holder) if is_running => ("RUNNING", Some(format!("in the hands of {holder}"))),
        _ => (item.condition.as_str(), item.advice()),
    };
    let was_run = item.condition.is_in_database() || item.condition == Condition::Outdated;
    let run = last.filter(|_| was_run);
    [
        item.kind.as_str().into(),
        item.version.clone().into(),
        item.migration.map(|_| item.name().to_owned()).or_else(|| last?.state.file.clone()).into(),
        Value::Word(status),
        run.map(|last| last.load_date).into(),
        run.and_then(|last| last.state.execution_time_ms).into(),
        run.map(|last| last.applied_by.clone()).into(),
        last.and_then(|last| last.state.operation).into(),
        details.into(),
    ]
}

/// What is no version, but was left by one.
fn other(
    kind: &'static str,
    name: &str,
    status: &'static str,
    operation: Option<opledger::Hash>,
    details: String,
) -> [Value; 9] {
    let null = || Value::Null;
    let name = name.to_owned().into();
    [kind.into(), null(), name, Value::Word(status), null(), null(), null(), operation.into(), details.into()]
}
