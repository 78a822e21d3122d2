//! Operations that were dropped before the other store had them.

use serde::{Deserialize, Serialize};

use super::documents;
use crate::error::Result;
use crate::hash::Hash;
use crate::model::{Document, Kind, Status, Tenant, UnitId};
use crate::time::Timestamp;

/// Why operations were dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// The backlog was over its limit.
    Backlog,
    /// Retention was told to remove what was not acknowledged.
    Retention,
    /// Places of the log are empty, and nothing says what was there.
    Unknown,
}

/// What was dropped before it was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Why.
    pub cause: Cause,
    /// How many operations.
    pub operations: u64,
    /// How many of them had completed.
    pub completed: u64,
    /// How many of them had failed.
    pub failed: u64,
    /// How many of them were running.
    pub running: u64,
    /// How many versions that were not acknowledged.
    pub versions: u64,
    /// When the first of the operations started.
    pub from: Option<Timestamp>,
    /// When the last of them started.
    pub until: Option<Timestamp>,
}

impl Gap {
    pub(super) fn new(cause: Cause) -> Self {
        Self { cause, operations: 0, completed: 0, failed: 0, running: 0, versions: 0, from: None, until: None }
    }

    /// Counts one more operation, as it stood.
    pub(super) fn add(&mut self, status: Status, started: Timestamp, versions: u64) {
        self.operations += 1;
        self.versions += versions;
        match status {
            Status::Completed => self.completed += 1,
            Status::Failed => self.failed += 1,
            Status::Running => self.running += 1,
        }
        self.from = Some(self.from.map_or(started, |from| from.min(started)));
        self.until = Some(self.until.map_or(started, |until| until.max(started)));
    }

    /// A document of its own for each gap.
    pub(super) fn document(&self, tenant: Tenant, at: Timestamp, source: &str) -> Result<Document> {
        let key = Hash::of(&format!("gap {}", UnitId::random()?));
        documents::document((Kind::Gap, key), tenant, at, self, source)
    }
}
