//! Reading: keys, scans, and the pages they give.

use crate::hash::Hash;
use crate::model::{Check, Document, Hub, Kind, Operation, Position, Status, Version};
use crate::time::Timestamp;

/// What a record is found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// An operation, by its hash key.
    Operation(Hash),
    /// A document as it stands, by its kind and hash key.
    Document(Kind, Hash),
}

/// Something a store gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// An operation as it stands.
    Operation(Box<Operation>),
    /// One version of an operation.
    Version(Box<Version>),
    /// One version as it was appended to the log.
    Entry(Box<Entry>),
    /// What a `verify` found.
    Check(Check),
    /// One version of a document.
    Document(Box<Document>),
}

/// One entry of the log: a version as it was when it was appended, open, and the hub it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The hub; none where the version is an orphan.
    pub hub: Option<Hub>,
    /// The version; its end is the load date of the operation's next entry.
    pub version: Version,
}

/// Records in an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scan {
    /// The versions of one operation, oldest first.
    Versions {
        /// The operation.
        operation: Hash,
        /// Only those with a later load date.
        after: Option<Timestamp>,
    },
    /// Operations by execution_timestamp, then hash key, both descending.
    History {
        /// Only those that started later than this.
        since: Option<Timestamp>,
        /// Only those that started at this moment or earlier.
        until: Option<Timestamp>,
        /// Only those that stand so.
        status: Option<Status>,
        /// Only those of this type.
        script_type: Option<String>,
        /// Resume: only those that come after this one in the order.
        before: Option<(Timestamp, Hash)>,
    },
    /// All operations, by hash key.
    Operations {
        /// Resume: only those with a greater hash key.
        after: Option<Hash>,
    },
    /// The log, by position.
    Log {
        /// Only what has a greater position.
        after: Position,
    },
    /// The versions of all documents of a kind, by key, then load date.
    Documents {
        /// The kind.
        kind: Kind,
        /// Resume: only those that come after this one in the order.
        after: Option<(Hash, Timestamp)>,
    },
    /// What `verify` found, newest first.
    Checks {
        /// Resume: only those from before this moment.
        before: Option<Timestamp>,
    },
}

impl Scan {
    /// All operations, newest first.
    pub const HISTORY: Self = Self::History { since: None, until: None, status: None, script_type: None, before: None };
}

/// Some records of a scan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The records.
    pub records: Vec<Record>,
    /// Records that were met and could not be read.
    pub damaged: Vec<Damage>,
    /// The scan that gives what follows; none at the end.
    pub next: Option<Scan>,
}

/// A record that can't be read, or does not keep a rule.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Damage {
    /// Which record: its kind and key.
    pub record: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Damage {
    /// Says what is wrong with which record.
    pub fn new(record: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { record: record.into(), reason: reason.into() }
    }
}

/// What a purge did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purged {
    /// How many operations it removed.
    pub operations: u64,
    /// Whether there may be more to remove.
    pub more: bool,
}
