//! Migrations of a database, each an operation in the ledger: a folder of SQL files, run once, in order.
//!
//! The ledger may be another store than the database that is migrated. Which versions a database has is kept in that
//! database, and committed together with each file; every attempt is an operation besides, written outside of the file's
//! transaction, so that a failed one stays on record.
//!
//! - [`read_folder`] reads `V001__name.sql`, `R__name.sql`, and `V001__name.down.sql` beside it;
//! - [`survey`] compares files with what the database has: pure;
//! - a [`Runner`] runs what is to be run, over an [`Executor`] (the database) and a [`Recorder`] (the ledger).

mod check;
mod executor;
mod failure;
mod file;
mod folder;
mod import;
mod lexer;
mod objects;
mod recorder;
mod redact;
mod repair;
mod run_file;
mod runner;
mod selection;
mod split;
mod state;
mod survey;
mod version;

pub use executor::{DatabaseError, Executor};
pub use failure::{Aftermath, Failure};
pub use file::{Direction, Migration, Planned, Script};
pub use folder::read_folder;
pub use import::{Imported, OtherEntry, OtherHistory, OtherTool};
pub use recorder::{Leftover, Recorder, leftovers};
pub use repair::Repaired;
pub use run_file::Run;
pub use runner::{Event, Runner};
pub use selection::Selection;
pub use split::{SplitError, Statement, statements};
pub use state::{MigrationKind, MigrationState, MigrationStatus, RecordedState};
pub use survey::{Condition, Item, findings, survey};
pub use version::MigrationVersion;
