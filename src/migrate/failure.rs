//! A file that did not come to its end.

use std::fmt;

use super::executor::DatabaseError;
use super::redact::{mask_message, redact};
use super::split::{Statement, line_in};

/// How much of a statement is shown and stored, in characters.
const SHOWN: usize = 500;
/// How much of a message is stored, in characters.
const STORED: usize = 10_000;

/// In what state a file that failed left the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aftermath {
    /// Nothing of it is left.
    RolledBack,
    /// The statements before the one that failed are done.
    Partial,
    /// The connection was lost at the commit, and the database can't be asked.
    Unknown,
}

impl Aftermath {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RolledBack => "ROLLED_BACK",
            Self::Partial => "PARTIAL",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// What failed, where in the file, and what is left of it. No value that stood in a string of the file is in it: what a run
/// says is kept in logs that others read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The file's name.
    pub file: String,
    /// The statement, from 1; none where it was no statement of the file, such as the commit.
    pub statement_number: Option<usize>,
    /// The line in the file, from 1.
    pub line: Option<usize>,
    /// The statement's beginning, strings as `?`.
    pub statement: Option<String>,
    /// What the database said; what it quoted from strings as `?`.
    pub error: DatabaseError,
    /// What is left.
    pub aftermath: Aftermath,
    /// Indexes that the file began to build and that are of no use now.
    pub invalid_indexes: Vec<String>,
    /// Message and place, as they are stored.
    pub(super) message: String,
}

/// Where a file stopped, before it is known what is left.
pub(super) struct Stop<'s> {
    pub(super) at: Option<(usize, Statement<'s>)>,
    pub(super) error: DatabaseError,
    pub(super) at_commit: bool,
}

impl From<DatabaseError> for Stop<'_> {
    fn from(error: DatabaseError) -> Self {
        Self { at: None, error, at_commit: false }
    }
}

impl Failure {
    pub(super) fn new(file: &str, stop: Stop<'_>, aftermath: Aftermath, mask: &dyn Fn(&str) -> String) -> Self {
        let Stop { at, error, at_commit } = stop;
        let statement = at.map(|(_, statement)| statement);
        let line = statement.map(|statement| error.position.map_or(statement.line, |at| line_in(&statement, at)));
        let sql = statement.map(|statement| statement.text).unwrap_or_default();
        let place = match (at, line) {
            (Some((number, _)), Some(line)) => format!(" ({file}, line {line}, statement {number})"),
            _ if at_commit => format!(" ({file}, at the commit)"),
            _ => format!(" ({file})"),
        };
        let masked = |text: &str| mask(&mask_message(text, sql, error.is_english));
        let error = DatabaseError {
            message: masked(&error.message),
            detail: error.detail.as_deref().map(mask),
            hint: error.hint.as_deref().map(masked),
            context: error.context.as_deref().map(masked),
            ..error
        };
        let code = error.sqlstate.as_deref().unwrap_or("08006");
        let message: String = format!("{code}: {}", error.message).chars().take(STORED).collect();
        Self {
            file: file.to_owned(),
            statement_number: at.map(|(number, _)| number),
            line,
            statement: statement.map(|statement| mask(&redact(statement.text, SHOWN))),
            error,
            aftermath,
            invalid_indexes: Vec::new(),
            message: message + &place,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let (Some(line), Some(number)) = (self.line, self.statement_number) {
            write!(f, ", line {line}, statement {number}")?;
        }
        write!(f, ": {}", self.error)?;
        if let Some(statement) = &self.statement {
            write!(f, "\n  Statement: {statement}")?;
        }
        match self.aftermath {
            Aftermath::RolledBack => f.write_str("\n  Nothing of the file is left: mend it, and run again.")?,
            Aftermath::Partial => f.write_str(
                "\n  The file runs without a transaction: the statements before this one are done. Undo them, or make the \
                 file safe to run again, then `migrate repair`.",
            )?,
            Aftermath::Unknown => f.write_str(
                "\n  The connection was lost at the commit: whether the file was applied is not known. Look with `migrate status`.",
            )?,
        }
        for index in &self.invalid_indexes {
            write!(
                f,
                "\n  The index {index} is left behind invalid: DROP INDEX CONCURRENTLY {index}, then run again."
            )?;
        }
        Ok(())
    }
}
