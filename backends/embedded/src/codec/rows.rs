//! The records of format 1.

use std::net::IpAddr;

use opledger::hash::Metadata;
use opledger::model::UnitId;
use opledger::report::{Histogram, Tally};
use opledger::{Attributes, Hash, Status, Timestamp};
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

/// The end of the log.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct TailRow {
    /// The last place that was given out.
    pub(crate) last: u64,
    /// How many operations there are.
    pub(crate) operations: u64,
}

/// A hub, and where its first and open version are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct HubRow {
    pub(crate) first: u64,
    pub(crate) open: u64,
    pub(crate) tenant: u32,
    pub(crate) load_date: Timestamp,
    pub(crate) business_key: String,
    pub(crate) record_source: String,
}

/// A version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct VersionRow {
    pub(crate) operation: Hash,
    pub(crate) previous: Option<u64>,
    pub(crate) tenant: u32,
    pub(crate) unit: UnitId,
    pub(crate) load_date: Timestamp,
    pub(crate) hash_diff: Hash,
    pub(crate) record_source: String,
    pub(crate) attributes: AttributesRow,
}

/// The attributes of a version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AttributesRow {
    script_name: String,
    script_type: String,
    status: u8,
    execution_timestamp: Timestamp,
    duration_ms: Option<i32>,
    user: Option<String>,
    client_ip: Option<IpAddr>,
    objects: Option<Vec<Option<String>>>,
    sql_command: Option<String>,
    error_message: Option<String>,
    metadata: Option<Metadata>,
}

impl From<Attributes> for AttributesRow {
    fn from(attributes: Attributes) -> Self {
        Self {
            script_name: attributes.script_name,
            script_type: attributes.script_type,
            status: match attributes.execution_status {
                Status::Running => 0,
                Status::Completed => 1,
                Status::Failed => 2,
            },
            execution_timestamp: attributes.execution_timestamp,
            duration_ms: attributes.execution_duration_ms,
            user: attributes.db_session_user,
            client_ip: attributes.client_ip,
            objects: attributes.affected_objects,
            sql_command: attributes.sql_command,
            error_message: attributes.error_message,
            metadata: attributes.metadata,
        }
    }
}

impl From<AttributesRow> for Attributes {
    fn from(row: AttributesRow) -> Self {
        Self {
            script_name: row.script_name,
            script_type: row.script_type,
            execution_status: match row.status {
                0 => Status::Running,
                1 => Status::Completed,
                _ => Status::Failed,
            },
            execution_timestamp: row.execution_timestamp,
            execution_duration_ms: row.duration_ms,
            db_session_user: row.user,
            client_ip: row.client_ip,
            affected_objects: row.objects,
            sql_command: row.sql_command,
            error_message: row.error_message,
            metadata: row.metadata,
        }
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

    /// Adds what is counted here to `tally`, without a tally of its own: a report adds up many.
    pub(crate) fn add_to(&self, tally: &mut Tally) {
        tally.operations += self.operations;
        tally.completed += self.completed;
        tally.failed += self.failed;
        tally.timed += self.timed;
        tally.duration_sum += self.duration_sum;
        tally.duration_max = tally.duration_max.max(self.duration_max);
        tally.durations.extend(self.durations.iter().copied());
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
