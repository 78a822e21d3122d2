//! Attributes as intents and first versions hold them.

use std::net::IpAddr;

use opledger::hash::Metadata;
use opledger::{Attributes, Status, Timestamp};
use serde::{Deserialize, Serialize};

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
            status: number(attributes.execution_status),
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
            execution_status: status(row.status),
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

pub(super) fn number(status: Status) -> u8 {
    match status {
        Status::Running => 0,
        Status::Completed => 1,
        Status::Failed => 2,
    }
}

pub(super) fn status(number: u8) -> Status {
    match number {
        0 => Status::Running,
        1 => Status::Completed,
        _ => Status::Failed,
    }
}
