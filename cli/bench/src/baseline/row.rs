//! The rows of the baselines that keep bytes: serde structs in bincode, as a user would write them.

use opledger::store::{Change, State, Unit};
use opledger::{Error, ErrorKind, Hub, Result, Status};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::content;

/// A hub.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct HubRow {
    hk: [u8; 32],
    bk: String,
    tenant: Option<[u8; 32]>,
    load_date: i64,
    record_source: String,
}

/// A version.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct VersionRow {
    pub(super) hk: [u8; 32],
    pub(super) load_date: i64,
    hash_diff: [u8; 32],
    unit: [u8; 16],
    script_name: String,
    pub(super) script_type: String,
    pub(super) execution_status: u8,
    pub(super) execution_timestamp: i64,
    pub(super) execution_duration_ms: Option<i32>,
    db_session_user: Option<String>,
    affected_objects: Option<Vec<Option<String>>>,
    sql_command: Option<String>,
    error_message: Option<String>,
    metadata: Option<String>,
    record_source: String,
}

/// What a unit adds: a hub where it starts an operation, and a version.
pub(super) fn rows(unit: &Unit) -> Result<(Option<HubRow>, VersionRow)> {
    match &unit.change {
        Change::Start { hub, first } => {
            let version = version(unit, *hub.script_execution_hk.as_bytes(), first);
            Ok((Some(hub_row(hub)), version))
        }
        Change::Append { operation, next, .. } => Ok((None, version(unit, *operation.as_bytes(), next))),
        other => Err(Error::new(ErrorKind::InvalidValue, format!("a baseline carries out no {other:?}"))),
    }
}

fn hub_row(hub: &Hub) -> HubRow {
    HubRow {
        hk: *hub.script_execution_hk.as_bytes(),
        bk: hub.script_execution_bk.clone(),
        tenant: hub.tenant.map(|tenant| *tenant.as_bytes()),
        load_date: hub.load_date.as_micros(),
        record_source: hub.record_source.clone(),
    }
}

fn version(unit: &Unit, hk: [u8; 32], state: &State) -> VersionRow {
    let said = state.attributes.clone();
    VersionRow {
        hk,
        load_date: state.load_date.as_micros(),
        hash_diff: *state.hash_diff.as_bytes(),
        unit: unit.id.0,
        script_name: said.script_name,
        script_type: said.script_type,
        execution_status: code(said.execution_status),
        execution_timestamp: said.execution_timestamp.as_micros(),
        execution_duration_ms: said.execution_duration_ms,
        db_session_user: said.db_session_user,
        affected_objects: said.affected_objects,
        sql_command: said.sql_command,
        error_message: said.error_message,
        metadata: said.metadata.map(|metadata| metadata.as_str().to_owned()),
        record_source: state.record_source.clone(),
    }
}

impl VersionRow {
    pub(super) fn number(&self) -> Option<u64> {
        content::number(self.sql_command.as_deref())
    }
}

/// A status as one byte.
pub(super) fn code(status: Status) -> u8 {
    match status {
        Status::Running => 0,
        Status::Completed => 1,
        Status::Failed => 2,
    }
}

pub(super) fn status(code: u8) -> Result<Status> {
    let known = Status::ALL.get(usize::from(code)).copied();
    known.ok_or_else(|| Error::new(ErrorKind::Corrupt, format!("{code} is the code of no status")))
}

pub(super) fn encode(row: &impl Serialize) -> Result<Vec<u8>> {
    bincode::serde::encode_to_vec(row, bincode::config::standard())
        .map_err(|cause| Error::new(ErrorKind::InvalidValue, "a row can't be encoded").caused_by(cause))
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    match bincode::serde::decode_from_slice(bytes, bincode::config::standard()) {
        Ok((row, length)) if length == bytes.len() => Ok(row),
        Ok(_) => Err(Error::new(ErrorKind::Corrupt, "a row is followed by bytes that are not its own")),
        Err(cause) => Err(Error::new(ErrorKind::Corrupt, "a row can't be decoded").caused_by(cause)),
    }
}
