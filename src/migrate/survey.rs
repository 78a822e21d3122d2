//! Files beside what the database has: how each version stands. Pure.

use std::collections::HashMap;

use super::file::Migration;
use super::state::{MigrationKind, MigrationStatus, RecordedState};
use super::version::MigrationVersion;

/// How a version stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// The database has the file as it is.
    Applied,
    /// The database had it before migrations were tracked.
    Baseline,
    /// It is to be run.
    Pending,
    /// It is to be run, but a later version was run before it.
    OutOfOrder,
    /// A repeatable file that changed: it is to be run again.
    Outdated,
    /// It failed and was rolled back: it is to be run.
    Failed,
    /// It was interrupted and rolled back: it is to be run.
    Interrupted,
    /// It was taken back: it is to be run.
    Reverted,
    /// A file without a transaction did not come to its end: somebody must look.
    Partial,
    /// The file is not what was run.
    Changed,
    /// The database has it, the folder does not.
    Missing,
    /// A repeatable file that is not there any more.
    Retired,
}

impl Condition {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "APPLIED",
            Self::Baseline => "BASELINE",
            Self::Pending => "PENDING",
            Self::OutOfOrder => "OUT_OF_ORDER",
            Self::Outdated => "OUTDATED",
            Self::Failed => "FAILED",
            Self::Interrupted => "INTERRUPTED",
            Self::Reverted => "REVERTED",
            Self::Partial => "PARTIAL",
            Self::Changed => "CHANGED",
            Self::Missing => "MISSING",
            Self::Retired => "RETIRED",
        }
    }

    /// Whether the next run would run it.
    #[must_use]
    pub fn is_pending(self) -> bool {
        use Condition::{Failed, Interrupted, OutOfOrder, Outdated, Pending, Reverted};
        matches!(self, Pending | OutOfOrder | Outdated | Failed | Interrupted | Reverted)
    }

    /// Whether the database has the change.
    #[must_use]
    pub fn is_in_database(self) -> bool {
        matches!(self, Self::Applied | Self::Baseline | Self::Changed | Self::Missing)
    }
}

/// One version: its file, its last state, and what follows from the two.
#[derive(Debug, Clone)]
pub struct Item<'m> {
    /// How often it runs.
    pub kind: MigrationKind,
    /// The version as rows have it; the database's spelling, where it has one.
    pub version: String,
    /// The version as a number, where it is one.
    pub number: Option<MigrationVersion>,
    /// The file.
    pub migration: Option<&'m Migration>,
    /// The last state.
    pub last: Option<&'m RecordedState>,
    /// How it stands.
    pub condition: Condition,
}

impl Item<'_> {
    /// The file's name, or the version where there is none.
    #[must_use]
    pub fn name(&self) -> &str {
        let recorded = || self.last.and_then(|last| last.state.file.as_deref());
        self.migration.map(|migration| migration.up.file.as_str()).or_else(recorded).unwrap_or(&self.version)
    }

    /// What it means and what to do, where there is something to say.
    #[must_use]
    pub fn advice(&self) -> Option<String> {
        let number = self.last.and_then(|last| last.state.statement_number).unwrap_or_default();
        Some(match self.condition {
            Condition::OutOfOrder => {
                "a later version was run before it; --out-of-order runs it all the same".to_owned()
            }
            Condition::Changed => {
                let was = self.last.and_then(|last| last.state.checksum).map(|was| was.to_string()).unwrap_or_default();
                let now = self.migration.map(|migration| migration.up.checksum.to_string()).unwrap_or_default();
                format!(
                    "it was run with checksum {was} and has {now} now: restore it and put the change into a new file, \
                     or accept it with repair --accept"
                )
            }
            Condition::Missing => "the database has it, the folder does not: restore the file".to_owned(),
            Condition::Partial => {
                let why = self.last.and_then(|last| last.state.error_details.as_deref());
                let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
                format!(
                    "it runs without a transaction and did not come to its end{why}: statement {number} had begun, those before \
                     it are done. Undo them, or make the file safe to run again, then `repair`; or finish it by hand, then \
                     `repair --accept`"
                )
            }
            Condition::Interrupted => "it was interrupted, and rolled back by the server: it is run again".to_owned(),
            Condition::Failed => match self.last.and_then(|last| last.state.error_details.as_deref()) {
                Some(details) => format!("it is rolled back: {details}"),
                None => "it is rolled back".to_owned(),
            },
            _ => return None,
        })
    }
}

/// Compares a folder with what the database has: versioned ones in order, then repeatable ones.
#[must_use]
pub fn survey<'m>(migrations: &'m [Migration], states: &'m [RecordedState]) -> Vec<Item<'m>> {
    let mut recorded: HashMap<Key<'_>, &RecordedState> = states.iter().map(|last| (key(last), last)).collect();
    let mut items: Vec<Item<'_>> = Vec::new();
    for migration in migrations {
        let key = match &migration.number {
            Some(number) => Key::Number(number.clone()),
            None => Key::Name(migration.kind, &migration.version),
        };
        let last = recorded.remove(&key);
        items.push(Item {
            kind: migration.kind,
            version: last.map_or(&migration.version, |last| &last.state.version).clone(),
            number: migration.number.clone(),
            migration: Some(migration),
            last,
            condition: condition(Some(migration), last),
        });
    }
    items.extend(recorded.into_values().filter(|last| leaves_something(last)).map(|last| Item {
        kind: last.state.kind,
        version: last.state.version.clone(),
        number: last.state.version.parse().ok().filter(|_| last.state.kind == MigrationKind::Versioned),
        migration: None,
        last: Some(last),
        condition: condition(None, Some(last)),
    }));
    items.sort_by(|a, b| (a.kind, &a.number, &a.version).cmp(&(b.kind, &b.number, &b.version)));
    put_out_of_order(&mut items);
    items
}

/// Versions are compared as numbers where they are, else as texts.
#[derive(PartialEq, Eq, Hash)]
enum Key<'s> {
    Number(MigrationVersion),
    Name(MigrationKind, &'s str),
}

fn key(last: &RecordedState) -> Key<'_> {
    let state = &last.state;
    match state.version.parse() {
        Ok(number) if state.kind == MigrationKind::Versioned => Key::Number(number),
        _ => Key::Name(state.kind, &state.version),
    }
}

/// What failed, was interrupted or taken back, and has no file any more, is of no interest.
fn leaves_something(last: &RecordedState) -> bool {
    use MigrationStatus::{Applied, Baseline};
    matches!(last.state.status, Applied | Baseline) || last.state.statement_number.is_some()
}

fn condition(migration: Option<&Migration>, last: Option<&RecordedState>) -> Condition {
    let Some(last) = last.map(|last| &last.state) else { return Condition::Pending };
    let repeatable = last.kind == MigrationKind::Repeatable;
    match last.status {
        MigrationStatus::Running | MigrationStatus::Failed if last.statement_number.is_some() => Condition::Partial,
        MigrationStatus::Running => Condition::Interrupted,
        MigrationStatus::Failed => Condition::Failed,
        MigrationStatus::Reverted => Condition::Reverted,
        MigrationStatus::Baseline => Condition::Baseline,
        MigrationStatus::Applied => match migration {
            None if repeatable => Condition::Retired,
            None => Condition::Missing,
            Some(migration) if last.checksum == Some(migration.up.checksum) => Condition::Applied,
            Some(_) if repeatable => Condition::Outdated,
            Some(_) => Condition::Changed,
        },
    }
}

fn put_out_of_order(items: &mut [Item<'_>]) {
    let highest =
        items.iter().filter(|item| item.condition.is_in_database()).filter_map(|item| item.number.clone()).max();
    for item in items {
        if item.condition.is_pending() && item.number.is_some() && item.number < highest {
            item.condition = Condition::OutOfOrder;
        }
    }
}

/// What a check finds: files that changed, are missing or out of order, and what was left half done.
#[must_use]
pub fn findings<'i, 'm>(items: &'i [Item<'m>]) -> Vec<&'i Item<'m>> {
    use Condition::{Changed, Missing, OutOfOrder, Partial};
    items.iter().filter(|item| matches!(item.condition, Changed | Missing | OutOfOrder | Partial)).collect()
}
