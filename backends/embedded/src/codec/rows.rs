//! The records of format 2, but for versions.

use opledger::report::{Histogram, Tally};
use opledger::{Position, Timestamp};
use serde::{Deserialize, Serialize};

/// What the store is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct MetaRow {
    /// The store's own identity, made with it.
    pub(crate) store_id: [u8; 16],
    /// When it was made.
    pub(crate) created: Timestamp,
    /// The first place of each log epoch.
    pub(crate) epochs: Vec<u64>,
}

impl MetaRow {
    /// The position of a place in the log.
    pub(crate) fn position(&self, place: u64) -> Position {
        let epoch = self.epochs.partition_point(|first| *first <= place).saturating_sub(1);
        Position::new(u64::try_from(epoch).unwrap_or(u64::MAX), place, 0)
    }
}

/// Up to which place the stored counters count; what follows is counted when the store is opened.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct CountedRow {
    pub(crate) place: u64,
}

/// Where an operation's versions are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HubRow {
    pub(crate) first: u64,
    /// How far behind the first one the open one is.
    pub(crate) open: u64,
}

impl HubRow {
    pub(crate) fn new(first: u64, open: u64) -> Self {
        Self { first, open: open.saturating_sub(first) }
    }

    pub(crate) fn open(self) -> u64 {
        self.first.saturating_add(self.open)
    }
}

/// What an index entry says beside its key: all that a report needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IndexRow {
    pub(crate) script_type: u32,
    pub(crate) duration_ms: Option<i32>,
}

/// A counter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CounterRow {
    operations: u64,
    completed: u64,
    failed: u64,
    timed: u64,
    duration_sum: u64,
    duration_max: Option<i32>,
    durations: Vec<(u16, u64)>,
    /// The longest duration was removed, and nobody has looked for the next one.
    pub(crate) max_is_gone: bool,
}

impl CounterRow {
    pub(crate) fn new(tally: &Tally, max_is_gone: bool) -> Self {
        Self {
            operations: tally.operations,
            completed: tally.completed,
            failed: tally.failed,
            timed: tally.timed,
            duration_sum: tally.duration_sum,
            duration_max: tally.duration_max,
            durations: tally.durations.buckets().collect(),
            max_is_gone,
        }
    }

    pub(crate) fn tally(self) -> Tally {
        Tally {
            operations: self.operations,
            completed: self.completed,
            failed: self.failed,
            timed: self.timed,
            duration_sum: self.duration_sum,
            duration_max: self.duration_max,
            durations: Histogram::from_buckets(self.durations),
        }
    }
}
