//! The history that another tool left, as states of ours.

use std::collections::HashSet;

use super::executor::Executor;
use super::file::Migration;
use super::recorder::Recorder;
use super::repair::baseline_state;
use super::runner::Runner;
use super::state::{MigrationKind, MigrationState, MigrationStatus, RecordedState};
use super::version::MigrationVersion;
use crate::error::Result;

/// A tool whose history is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherTool {
    /// `flyway_schema_history`
    Flyway,
    /// `refinery_schema_history`
    Refinery,
    /// `_sqlx_migrations`
    Sqlx,
}

/// A history as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherHistory {
    /// Whose it is.
    pub tool: OtherTool,
    /// The table.
    pub table: String,
    /// What ran, in order.
    pub entries: Vec<OtherEntry>,
}

/// One migration that another tool ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherEntry {
    /// Its version; none for a repeatable one.
    pub version: Option<String>,
    /// What it is called, without version and ending.
    pub description: String,
    /// Whether it came to its end.
    pub success: bool,
    /// Whether it stands for all earlier versions too: a baseline of that tool.
    pub covers_earlier: bool,
}

/// What became of an entry of another tool's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The other tool's version, or its description where it has none.
    pub version: String,
    /// The file of the folder that it is.
    pub file: Option<String>,
    /// What was written: APPLIED with the file's checksum, BASELINE without one; none where nothing was.
    pub status: Option<MigrationStatus>,
    /// What could not be matched, and why nothing was written.
    pub details: Option<&'static str>,
}

impl<E: Executor, R: Recorder> Runner<'_, E, R> {
    /// Takes over the history of Flyway, refinery or sqlx, as one operation. What is known here already is left alone.
    ///
    /// `table` names the history where there are several. With `dry_run` nothing is changed.
    ///
    /// # Errors
    /// Gives 22023 where there is no such table, or more than one and none is named. 55P03 naming who holds the lock, else the
    /// database's error, or the ledger's.
    pub async fn import(
        &mut self,
        migrations: &[Migration],
        table: Option<&str>,
        dry_run: bool,
    ) -> Result<Vec<Imported>> {
        if dry_run {
            return Ok(self.read_history(migrations, table).await?.0);
        }
        self.lock().await?;
        let done = self.import_locked(migrations, table).await;
        self.unlock().await;
        done
    }

    async fn import_locked(&mut self, migrations: &[Migration], table: Option<&str>) -> Result<Vec<Imported>> {
        let (imported, states) = self.read_history(migrations, table).await?;
        if !states.is_empty() {
            self.write_states("import", states).await?;
        }
        Ok(imported)
    }

    async fn read_history(
        &mut self,
        migrations: &[Migration],
        table: Option<&str>,
    ) -> Result<(Vec<Imported>, Vec<MigrationState>)> {
        let history = self.executor.other_history(table).await?;
        let states = self.executor.states().await?;
        let mut known = Known::new(migrations, &states);
        let mut writes = Vec::new();
        let mut imported = Vec::new();
        for entry in &history.entries {
            if entry.covers_earlier {
                known.take_earlier(entry, &mut imported, &mut writes);
            }
            let (what, state) = known.take(entry);
            imported.push(what);
            writes.extend(state);
        }
        Ok((imported, writes))
    }
}

struct Known<'m> {
    migrations: &'m [Migration],
    /// What has a state already, numbers as numbers.
    numbers: HashSet<MigrationVersion>,
    names: HashSet<String>,
}

impl<'m> Known<'m> {
    fn new(migrations: &'m [Migration], states: &[RecordedState]) -> Self {
        let versions = || states.iter().map(|last| &last.state.version);
        let numbers = versions().filter_map(|version| version.parse().ok()).collect();
        Self { migrations, numbers, names: versions().cloned().collect() }
    }

    /// The folder's files of versions before a baseline of the other tool.
    fn take_earlier(&mut self, entry: &OtherEntry, imported: &mut Vec<Imported>, writes: &mut Vec<MigrationState>) {
        let Some(Ok(baseline)) = entry.version.as_deref().map(str::parse::<MigrationVersion>) else { return };
        for migration in self.migrations {
            let Some(number) = migration.number.clone().filter(|number| *number < baseline) else { continue };
            if self.numbers.insert(number) {
                let file = Some(migration.up.file.clone());
                let state = baseline_state(&migration.version, file.clone());
                let (version, details) = (migration.version.clone(), Some("before the baseline of the other tool"));
                imported.push(Imported { version, file, status: Some(state.status), details });
                writes.push(state);
            }
        }
    }

    fn take(&mut self, entry: &OtherEntry) -> (Imported, Option<MigrationState>) {
        let shown = entry.version.clone().unwrap_or_else(|| entry.description.clone());
        let not =
            |details| (Imported { version: shown.clone(), file: None, status: None, details: Some(details) }, None);
        if !entry.success {
            return not("it failed there: look at it before you run it again");
        }
        let number = match entry.version.as_deref().map(str::parse::<MigrationVersion>) {
            Some(Ok(number)) => Some(number),
            Some(Err(_)) => return not("its version is no number"),
            None => None,
        };
        let same_version = self.migrations.iter().find(|migration| match &number {
            Some(number) => migration.number.as_ref() == Some(number),
            None => migration.number.is_none() && plain(&migration.description) == plain(&entry.description),
        });
        let key = same_version.map_or_else(|| shown.clone(), |migration| migration.version.clone());
        let is_new = match &number {
            Some(number) => self.numbers.insert(number.clone()),
            None => self.names.insert(key.clone()),
        };
        if !is_new {
            return not("it is known here already");
        }
        let named = same_version.filter(|migration| plain(&migration.description) == plain(&entry.description));
        match (named, number) {
            (Some(migration), _) => {
                let state = MigrationState {
                    kind: migration.kind,
                    status: MigrationStatus::Applied,
                    checksum: Some(migration.up.checksum),
                    ..baseline_state(&migration.version, Some(migration.up.file.clone()))
                };
                let file = Some(migration.up.file.clone());
                (Imported { version: shown, file, status: Some(state.status), details: None }, Some(state))
            }
            (None, Some(_)) => {
                let state = MigrationState { kind: MigrationKind::Versioned, ..baseline_state(&key, None) };
                let details = match same_version {
                    Some(_) => {
                        "the folder's file of this version has another name: taken as a baseline, without a checksum"
                    }
                    None => "the folder has no file of this version: taken as a baseline, without a checksum",
                };
                let file = same_version.map(|migration| migration.up.file.clone());
                (Imported { version: shown, file, status: Some(state.status), details: Some(details) }, Some(state))
            }
            (None, None) => not("the folder has no repeatable file of this name"),
        }
    }
}

/// Names are compared as the tools show them: some write underscores, some blanks.
fn plain(description: &str) -> String {
    description.replace('_', " ").to_lowercase()
}
