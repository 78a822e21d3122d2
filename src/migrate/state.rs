//! What the migrated database keeps of its migrations: a row a state, the last one of a version counts.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind};
use crate::hash::Hash;
use crate::time::Timestamp;

/// How often a migration runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MigrationKind {
    /// Once, in the order of versions.
    Versioned,
    /// After the versioned ones, whenever its file has changed.
    Repeatable,
}

/// How a version stands in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrationStatus {
    /// It began, and its end is not known.
    Running,
    /// The database has it.
    Applied,
    /// It did not come to its end.
    Failed,
    /// The database had it before.
    Baseline,
    /// It was taken back.
    Reverted,
}

macro_rules! words {
    ($type:ty { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $type {
            /// The word that rows hold.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = Error;

            fn from_str(word: &str) -> Result<Self, Error> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(Error::new(ErrorKind::Corrupt, format!("script_tracking.migration holds {word:?}"))),
                }
            }
        }
    };
}

words!(MigrationKind { Versioned = "VERSIONED", Repeatable = "REPEATABLE" });
words!(MigrationStatus {
    Running = "RUNNING",
    Applied = "APPLIED",
    Failed = "FAILED",
    Baseline = "BASELINE",
    Reverted = "REVERTED",
});

/// One state of one version, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationState {
    /// How often it runs.
    pub kind: MigrationKind,
    /// The version as its file has it: `001`, `R__name`.
    pub version: String,
    /// How it stands.
    pub status: MigrationStatus,
    /// The file's name.
    pub file: Option<String>,
    /// The checksum of what ran; none for a baseline.
    pub checksum: Option<Hash>,
    /// How long it took, in milliseconds.
    pub execution_time_ms: Option<i32>,
    /// Of a file without a transaction: the statement that had begun, from 1. None: nothing of it is left half done.
    pub statement_number: Option<i32>,
    /// What went wrong, without values.
    pub error_details: Option<String>,
    /// The operation in the ledger.
    pub operation: Option<Hash>,
}

/// A state as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedState {
    /// The state.
    pub state: MigrationState,
    /// When it was written, by the database's clock.
    pub load_date: Timestamp,
    /// Who wrote it.
    pub applied_by: String,
}
