//! One error type: what failed, on what, what to do next, and the SQLSTATE a database would give.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

use crate::hash::Hash;
use crate::time::Timestamp;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in the words of SQLSTATE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The same key exists with other content, or by another unit (23505).
    Conflict,
    /// Something this call needs is not installed (42883).
    MissingDependency,
    /// The caller may not do this (42501).
    Permission,
    /// A text is longer than its limit (22001).
    TooLong,
    /// A value is outside what the call takes (22023).
    InvalidValue,
    /// A text does not have the form it must have (22P02).
    InvalidText,
    /// A value that must be there is missing (22004).
    MissingValue,
    /// E-mail or password is wrong (28P01).
    InvalidPassword,
    /// Locked out, or no valid session (28000).
    InvalidAuthorization,
    /// Another writer was faster, and again at every retry (40001).
    Serialization,
    /// The store's server can't be reached (08006).
    Connection,
    /// The store's server has no room for another session, or for this statement (53300).
    Overloaded,
    /// The store's server did not finish in the time it was given (57014).
    Timeout,
    /// The store's server takes no writes now (25006).
    ReadOnly,
    /// The store was closed (08003).
    Closed,
    /// No room on the disk, or the store is out of service after it ran full (53100).
    DiskFull,
    /// What waits for a sync is over its limit (53400).
    BacklogFull,
    /// Another process holds the store (55P03).
    Locked,
    /// Stored bytes are not what was written (XX001).
    Corrupt,
    /// The operating system refused (58030).
    Io,
}

impl ErrorKind {
    /// The five-character SQLSTATE of this kind.
    #[must_use]
    pub fn sqlstate(self) -> &'static str {
        match self {
            Self::Conflict => "23505",
            Self::MissingDependency => "42883",
            Self::Permission => "42501",
            Self::TooLong => "22001",
            Self::InvalidValue => "22023",
            Self::InvalidText => "22P02",
            Self::MissingValue => "22004",
            Self::InvalidPassword => "28P01",
            Self::InvalidAuthorization => "28000",
            Self::Serialization => "40001",
            Self::Connection => "08006",
            Self::Overloaded => "53300",
            Self::Timeout => "57014",
            Self::ReadOnly => "25006",
            Self::Closed => "08003",
            Self::DiskFull => "53100",
            Self::BacklogFull => "53400",
            Self::Locked => "55P03",
            Self::Corrupt => "XX001",
            Self::Io => "58030",
        }
    }

    /// The kind that a SQLSTATE names, if one of ours does.
    ///
    /// ```
    /// use opledger::ErrorKind;
    /// assert_eq!(ErrorKind::from_sqlstate("23505"), Some(ErrorKind::Conflict));
    /// ```
    #[must_use]
    pub fn from_sqlstate(sqlstate: &str) -> Option<Self> {
        const ALL: [ErrorKind; 20] = [
            ErrorKind::Conflict,
            ErrorKind::MissingDependency,
            ErrorKind::Permission,
            ErrorKind::TooLong,
            ErrorKind::InvalidValue,
            ErrorKind::InvalidText,
            ErrorKind::MissingValue,
            ErrorKind::InvalidPassword,
            ErrorKind::InvalidAuthorization,
            ErrorKind::Serialization,
            ErrorKind::Connection,
            ErrorKind::Overloaded,
            ErrorKind::Timeout,
            ErrorKind::ReadOnly,
            ErrorKind::Closed,
            ErrorKind::DiskFull,
            ErrorKind::BacklogFull,
            ErrorKind::Locked,
            ErrorKind::Corrupt,
            ErrorKind::Io,
        ];
        ALL.into_iter().find(|kind| kind.sqlstate() == sqlstate)
    }

    /// Whether the same call may succeed when it is made again.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::Conflict
                | Self::Serialization
                | Self::Connection
                | Self::Overloaded
                | Self::Timeout
                | Self::ReadOnly
                | Self::DiskFull
                | Self::BacklogFull
                | Self::Locked
        )
    }

    /// Whether the caller's input is at fault.
    #[must_use]
    pub fn is_bad_input(self) -> bool {
        matches!(self, Self::TooLong | Self::InvalidValue | Self::InvalidText | Self::MissingValue)
    }

    fn suggestions(self) -> &'static [&'static str] {
        match self {
            Self::Conflict => &["Retry operation", "Check for concurrent operations"],
            Self::MissingDependency => &["Install what the message names"],
            Self::Permission => &["Ask an administrator for the right that the message names"],
            Self::TooLong | Self::InvalidValue | Self::InvalidText | Self::MissingValue => {
                &["Correct the value that the message names"]
            }
            Self::InvalidPassword => &["Check e-mail and password"],
            Self::InvalidAuthorization => &["Log in again"],
            Self::Serialization => &["Retry operation"],
            Self::Connection => &["Check that the server runs", "Retry operation"],
            Self::Overloaded => &["Retry operation", "Raise the server's limit that the message names"],
            Self::Timeout => &["Retry operation", "Raise the time limit"],
            Self::ReadOnly => &["Retry operation on the primary server"],
            Self::Closed => &["Open the store again"],
            Self::DiskFull => &["Make room on the disk", "Retry operation"],
            Self::BacklogFull => &["Sync with the server", "Retry operation"],
            Self::Locked => &["Wait for the holder to finish", "Retry operation"],
            Self::Corrupt => &["Run verify", "Restore from a backup or from the files kept aside"],
            Self::Io => &["Check the path and its permissions"],
        }
    }
}

type Source = Box<dyn std::error::Error + Send + Sync>;

/// What failed, on what, and what can be done about it.
///
/// ```
/// use opledger::{Error, ErrorKind};
/// let error = Error::new(ErrorKind::InvalidValue, "p_days must be 1 or more, not 0");
/// assert_eq!(error.kind().sqlstate(), "22023");
/// assert!(!error.is_retryable());
/// ```
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
    during: Option<&'static str>,
    suggestion: Option<Cow<'static, str>>,
    operation_id: Option<Hash>,
    source: Option<Source>,
}

impl Error {
    /// Makes an error of `kind` with a message for a person.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(Box::new(Inner { kind, message, during: None, suggestion: None, operation_id: None, source: None }))
    }

    /// Adds the name of the call that failed, unless an inner call already did.
    #[must_use]
    pub fn during(mut self, call: &'static str) -> Self {
        self.0.during.get_or_insert(call);
        self
    }

    /// Adds the operation that the call was about.
    #[must_use]
    pub fn on(mut self, operation: Hash) -> Self {
        self.0.operation_id.get_or_insert(operation);
        self
    }

    /// Says what to do next, in place of what is said for errors of this kind.
    #[must_use]
    pub fn suggest(mut self, suggestion: impl Into<Cow<'static, str>>) -> Self {
        self.0.suggestion = Some(suggestion.into());
        self
    }

    /// Adds the error below this one.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The kind, and with it the SQLSTATE.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same call may succeed when it is made again.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.kind.is_retryable()
    }

    /// The operation that the call was about.
    #[must_use]
    pub fn operation_id(&self) -> Option<Hash> {
        self.0.operation_id
    }

    /// The message alone, without the name of the call.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The answer in the shape that the SQL functions return too.
    #[must_use]
    pub fn response(&self, at: Timestamp) -> Response {
        Response {
            success: false,
            error_code: self.kind().sqlstate(),
            error_message: self.0.message.clone(),
            details: Details {
                operation_id: self.0.operation_id.map(|hk| hk.to_string()),
                timestamp: at.to_seconds_text(),
                suggestions: match &self.0.suggestion {
                    Some(suggestion) => vec![suggestion.clone()],
                    None => self.kind().suggestions().iter().copied().map(Cow::Borrowed).collect(),
                },
            },
        }
    }

    /// The error to give when a store says [`Conflict`](crate::store::Outcome::Conflict).
    #[must_use]
    pub fn conflict(hk: Hash, ours: Hash, theirs: Option<Hash>) -> Self {
        let message = if theirs == Some(ours) {
            format!("operation {hk} exists: another start, with the same hash_diff {ours}, has its business key")
        } else {
            let theirs = theirs.map_or_else(|| "not shown: it is not yours".to_owned(), |hash| hash.to_string());
            format!("operation {hk} exists with other content: hash_diff {ours} here, {theirs} there")
        };
        Self::new(ErrorKind::Conflict, message).on(hk)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(call) = self.0.during {
            write!(f, "{call}: ")?;
        }
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// An error as data: serialise it to get the shape that the `jsonb` functions return.
#[derive(Debug, Clone, Serialize)]
pub struct Response {
    /// Always false: it is an error.
    pub success: bool,
    /// The SQLSTATE.
    pub error_code: &'static str,
    /// The message.
    pub error_message: String,
    /// On what, when, and what to do.
    pub details: Details,
}

/// The details of a [`Response`].
#[derive(Debug, Clone, Serialize)]
pub struct Details {
    /// The operation's hash key in hex, where there is one.
    pub operation_id: Option<String>,
    /// When the error was answered: RFC 3339, UTC, whole seconds.
    pub timestamp: String,
    /// What to do next.
    pub suggestions: Vec<Cow<'static, str>>,
}

impl From<crate::hash::JsonError> for Error {
    fn from(cause: crate::hash::JsonError) -> Self {
        let kind = match cause.kind() {
            crate::hash::JsonErrorKind::Syntax => ErrorKind::InvalidText,
            crate::hash::JsonErrorKind::Limit => ErrorKind::InvalidValue,
        };
        Self::new(kind, format!("metadata: {cause}")).caused_by(cause)
    }
}
