//! Push-down: questions that a store may answer in its own way, to the same result.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Damage;
use crate::hash::Hash;
use crate::model::Version;
use crate::report::{Rating, Tally};
use crate::time::Timestamp;

/// A question about the rows of a scope. It carries its instant, so that an answer means the same everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Plan {
    /// The figures behind dashboard, metrics and health.
    Activity {
        /// The instant of the report.
        at: Timestamp,
        /// The length of a window.
        window: Duration,
        /// Whether the window before is asked for, too; a store may leave it empty where it is not.
        compared: bool,
    },
    /// The version of one operation that was known at a moment; where a store does not answer, the core reads all of its versions.
    AsOf {
        /// The operation.
        operation: Hash,
        /// The moment.
        at: Timestamp,
    },
    /// Whether all that is stored holds together. Of the versions that the scope sees, each is what [`audit`](super::audit)
    /// asks for, every hash computed again from what is stored. Of the whole store: each operation is found by its key,
    /// its versions are one chain with one open version, and indexes, counters and files are what follows from the log.
    /// The core reads the log, and each operation by its key, when a store does not answer.
    Integrity,
    /// Bytes on disk. A store that keeps nothing there does not answer.
    Size,
    /// The time where the store is. A store in this process does not answer.
    Clock,
    /// What only the store can say of its health. One that has nothing to add does not answer.
    Health,
}

/// An answer to a [`Plan`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// To [`Plan::Activity`].
    Activity(Box<Activity>),
    /// To [`Plan::AsOf`]; none where nothing was known yet.
    AsOf(Option<Box<Version>>),
    /// To [`Plan::Integrity`].
    Integrity(Integrity),
    /// To [`Plan::Size`].
    Size(u64),
    /// To [`Plan::Clock`].
    Clock(Timestamp),
    /// To [`Plan::Health`].
    Health(Vec<Condition>),
}

/// A row that a store adds to the health report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// `CAPTURE` or `LOG`.
    pub category: &'static str,
    /// Which metric.
    pub metric: &'static str,
    /// How good it is.
    pub status: Rating,
    /// A sentence with the figure.
    pub details: String,
}

/// What a store found when it went through all that is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Integrity {
    /// The operations that were read.
    pub operations: u64,
    /// The versions that were read.
    pub versions: u64,
    /// Versions and hubs whose hash is not that of their content, and versions that can't be read.
    pub mismatches: Vec<Damage>,
    /// Versions that can't be found by their operation's key.
    pub orphans: Vec<Damage>,
    /// All else.
    pub damaged: Vec<Damage>,
}

impl Integrity {
    /// Whether nothing was found.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.mismatches.is_empty() && self.orphans.is_empty() && self.damaged.is_empty()
    }
}

/// What happened in a window that ends at an instant, in the one before it, and how things stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activity {
    /// By type, operations that started after `at - window`, with no upper bound.
    pub last: BTreeMap<String, Tally>,
    /// By type, operations that started in `(at - 2 window, at - window]`.
    pub before: BTreeMap<String, Tally>,
    /// All operations.
    pub total: u64,
    /// Operations that are RUNNING.
    pub running: u64,
    /// Operations that are RUNNING and started before `at - window`.
    pub stale: u64,
}
