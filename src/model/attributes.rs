//! What a version says of its operation: everything that hash_diff covers.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::limits::{MAX_NAME, MAX_OBJECTS, MAX_TYPE, MAX_USER, check_chars, check_text};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::{Canonical, DiffInput, Hash, Metadata};
use crate::time::Timestamp;

/// How an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Started, and not known to have ended.
    Running,
    /// Ended well.
    Completed,
    /// Ended badly.
    Failed,
}

impl Status {
    /// All of them, in the order of an operation's life.
    pub const ALL: [Self; 3] = [Self::Running, Self::Completed, Self::Failed];

    /// The word that rows hold: `RUNNING`, `COMPLETED` or `FAILED`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }

    /// Whether the operation has ended.
    #[must_use]
    pub fn is_finished(self) -> bool {
        self != Self::Running
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is no status.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0:?} is no status; the statuses are RUNNING, COMPLETED and FAILED")]
pub struct ParseStatusError(String);

impl FromStr for Status {
    type Err = ParseStatusError;

    /// Reads a status in either case.
    fn from_str(word: &str) -> std::result::Result<Self, ParseStatusError> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str().eq_ignore_ascii_case(word))
            .ok_or_else(|| ParseStatusError(word.to_owned()))
    }
}

/// The state of an operation in one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// What ran.
    pub script_name: String,
    /// What kind of work it is, such as `MANUAL` or `BACKUP`.
    pub script_type: String,
    /// How it stands.
    pub execution_status: Status,
    /// When it started.
    pub execution_timestamp: Timestamp,
    /// How long it took, in milliseconds, once it has ended and where that is known.
    pub execution_duration_ms: Option<i32>,
    /// Who ran it.
    pub db_session_user: Option<String>,
    /// From which address.
    pub client_ip: Option<IpAddr>,
    /// On what; an entry may be unknown.
    pub affected_objects: Option<Vec<Option<String>>>,
    /// The statement or command line.
    pub sql_command: Option<String>,
    /// Why it failed.
    pub error_message: Option<String>,
    /// Whatever else is known: a canonical JSON object.
    pub metadata: Option<Metadata>,
}

impl Attributes {
    /// The hash of this state, equal to the one that PostgreSQL computes.
    #[must_use]
    pub fn hash_diff(&self) -> Hash {
        self.diff_input().hash_diff()
    }

    /// The text that [`hash_diff`](Self::hash_diff) is the hash of.
    #[must_use]
    pub fn canonical(&self) -> String {
        self.diff_input().canonical()
    }

    /// Writes that text into a buffer that is used again.
    pub fn write_canonical(&self, out: &mut Canonical) {
        self.diff_input().write(out);
    }

    fn diff_input(&self) -> DiffInput<'_> {
        DiffInput {
            script_name: &self.script_name,
            script_type: &self.script_type,
            execution_status: self.execution_status.as_str(),
            execution_timestamp_us: self.execution_timestamp.as_micros(),
            execution_duration_ms: self.execution_duration_ms,
            db_session_user: self.db_session_user.as_deref(),
            client_ip: self.client_ip,
            affected_objects: self.affected_objects.as_deref(),
            sql_command: self.sql_command.as_deref(),
            error_message: self.error_message.as_deref(),
            metadata: self.metadata.as_ref(),
        }
    }

    /// Whether the fields that never change within a hub are the same.
    #[must_use]
    pub fn same_operation(&self, other: &Self) -> bool {
        self.script_name == other.script_name
            && self.script_type == other.script_type
            && self.execution_timestamp == other.execution_timestamp
    }

    /// Checks every field against its limit.
    ///
    /// # Errors
    /// Names the field and the limit: 22001 for a length, 22023 for anything else.
    pub fn check(&self) -> Result<()> {
        check_chars("script_name", &self.script_name, MAX_NAME)?;
        check_chars("script_type", &self.script_type, MAX_TYPE)?;
        if self.script_name.is_empty() {
            return Err(Error::new(ErrorKind::InvalidValue, "script_name must not be empty"));
        }
        if self.script_type.is_empty() || self.script_type == "OVERALL" {
            let message = "script_type must not be empty, nor OVERALL (the reports use that word for all types)";
            return Err(Error::new(ErrorKind::InvalidValue, message));
        }
        if let Some(user) = &self.db_session_user {
            check_chars("db_session_user", user, MAX_USER)?;
        }
        for (field, text) in [("sql_command", &self.sql_command), ("error_message", &self.error_message)] {
            if let Some(text) = text {
                check_text(field, text)?;
            }
        }
        let objects = self.affected_objects.as_deref().unwrap_or_default();
        if objects.len() > MAX_OBJECTS {
            let message = format!("affected_objects has {} entries; the limit is {MAX_OBJECTS}", objects.len());
            return Err(Error::new(ErrorKind::TooLong, message));
        }
        let mut bytes = 0;
        for object in objects.iter().flatten() {
            check_text("affected_objects", object)?;
            bytes += object.len();
        }
        if bytes > super::MAX_TEXT {
            let message = format!("affected_objects is {bytes} bytes long; the limit is {}", super::MAX_TEXT);
            return Err(Error::new(ErrorKind::TooLong, message));
        }
        Ok(())
    }
}
