//! Push-down: questions that a store may answer in its own way, to the same result.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Damage;
use crate::report::Tally;
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
    },
    /// Whether what the store keeps beside the records (indexes, counters, files) agrees with them.
    /// The core asks nothing instead when a store does not answer.
    Integrity,
    /// Bytes on disk. A store that keeps nothing there does not answer.
    Size,
    /// The time where the store is. A store in this process does not answer.
    Clock,
}

/// An answer to a [`Plan`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// To [`Plan::Activity`].
    Activity(Box<Activity>),
    /// To [`Plan::Integrity`]: what does not agree.
    Integrity(Vec<Damage>),
    /// To [`Plan::Size`].
    Size(u64),
    /// To [`Plan::Clock`].
    Clock(Timestamp),
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
