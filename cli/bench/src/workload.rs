//! Workloads: what a ledger is made to do, and what is told of it.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Workload {
    /// One writer starts and completes operations; on disk within a second.
    Buffered,
    /// Several writers do.
    BufferedWriters,
    /// One writer starts and completes operations; each write is on disk before it is acknowledged.
    Durable,
    /// Several writers do.
    DurableWriters,
    /// Several writers read after each operation that it has ended, and after each tenth the newest 20; buffered.
    Mixed,
    /// The newest 100 operations of a month of them.
    History,
    /// The dashboard over a month of operations.
    Dashboard,
    /// Opening a ledger with a month of operations, up to its first dashboard.
    Reopen,
    /// Removing nine tenths of a month of operations.
    Cleanup,
    /// Sending a month of operations to a second store of the same kind.
    Sync,
}

impl Workload {
    /// All of them, in the order in which they run.
    pub const ALL: [Self; 10] = [
        Self::Buffered,
        Self::BufferedWriters,
        Self::Durable,
        Self::DurableWriters,
        Self::Mixed,
        Self::History,
        Self::Dashboard,
        Self::Reopen,
        Self::Cleanup,
        Self::Sync,
    ];

    /// Its name on the command line and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Buffered => "buffered",
            Self::BufferedWriters => "buffered-writers",
            Self::Durable => "durable",
            Self::DurableWriters => "durable-writers",
            Self::Mixed => "mixed",
            Self::History => "history",
            Self::Dashboard => "dashboard",
            Self::Reopen => "reopen",
            Self::Cleanup => "cleanup",
            Self::Sync => "sync",
        }
    }

    /// What is measured, in words.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Buffered => "Start and complete, one writer, on disk within a second",
            Self::BufferedWriters => "Start and complete, several writers, on disk within a second",
            Self::Durable => "Start and complete, one writer, on disk before each acknowledgement",
            Self::DurableWriters => "Start and complete, several writers, on disk before each acknowledgement",
            Self::Mixed => "Start, complete and read back, several writers, on disk within a second",
            Self::History => "The newest 100 operations of a stored month",
            Self::Dashboard => "The dashboard over a stored month",
            Self::Reopen => "Opening a stored month, up to the first dashboard",
            Self::Cleanup => "Removing nine tenths of a stored month",
            Self::Sync => "Sending a stored month to a second store of the same kind",
        }
    }

    /// What its figure counts.
    #[must_use]
    pub fn unit(self) -> Unit {
        match self {
            Self::History | Self::Dashboard => Unit::Microseconds,
            Self::Reopen => Unit::Milliseconds,
            Self::Cleanup | Self::Sync => Unit::OperationsASecond,
            _ => Unit::PairsASecond,
        }
    }

    /// How many operations it works on when `operations` are asked for: fewer where each waits for the disk, more where
    /// they are stored beforehand.
    #[must_use]
    pub fn operations(self, operations: u64) -> u64 {
        match self {
            Self::Durable => operations.div_ceil(5),
            _ if self.is_stored() => operations.saturating_mul(5),
            _ => operations,
        }
    }

    /// How many threads write, or read.
    #[must_use]
    pub fn writers(self, writers: usize) -> usize {
        if self.many_writers() { writers } else { 1 }
    }

    pub(crate) fn many_writers(self) -> bool {
        matches!(self, Self::BufferedWriters | Self::DurableWriters | Self::Mixed)
    }

    pub(crate) fn is_durable(self) -> bool {
        matches!(self, Self::Durable | Self::DurableWriters)
    }

    pub(crate) fn needs_disk(self) -> bool {
        self.is_durable() || self == Self::Reopen
    }

    pub(crate) fn reads(self) -> bool {
        self == Self::Mixed || self.is_stored()
    }

    /// Whether it works on a month of operations that is stored beforehand.
    pub(crate) fn is_stored(self) -> bool {
        matches!(self, Self::Cleanup | Self::Sync) || self.leaves_store_as_it_was()
    }

    /// Whether one stored month serves all its repetitions.
    pub(crate) fn leaves_store_as_it_was(self) -> bool {
        matches!(self, Self::History | Self::Dashboard | Self::Reopen)
    }
}

/// A word that is no workload.
#[derive(Debug, Clone)]
pub struct UnknownWorkload(String);

impl std::fmt::Display for UnknownWorkload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let known = Workload::ALL.map(Workload::name).join(", ");
        write!(f, "{:?} is no workload; the workloads are {known}", self.0)
    }
}

impl std::error::Error for UnknownWorkload {}

impl FromStr for Workload {
    type Err = UnknownWorkload;

    fn from_str(word: &str) -> Result<Self, UnknownWorkload> {
        let found = Self::ALL.into_iter().find(|workload| workload.name() == word);
        found.ok_or_else(|| UnknownWorkload(word.to_owned()))
    }
}

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Operations started and completed in a second: more is better.
    #[serde(rename = "pairs/s")]
    PairsASecond,
    /// Operations removed, or sent, in a second: more is better.
    #[serde(rename = "operations/s")]
    OperationsASecond,
    /// A time: less is better.
    #[serde(rename = "µs")]
    Microseconds,
    /// A time: less is better.
    #[serde(rename = "ms")]
    Milliseconds,
}

impl Unit {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PairsASecond => "pairs/s",
            Self::OperationsASecond => "operations/s",
            Self::Microseconds => "µs",
            Self::Milliseconds => "ms",
        }
    }

    /// Whether less is better.
    #[must_use]
    pub fn is_time(self) -> bool {
        matches!(self, Self::Microseconds | Self::Milliseconds)
    }
}
