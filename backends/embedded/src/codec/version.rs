//! Versions: an operation's first one with its hub, and later ones as what differs from the first.

mod decode;

use std::net::IpAddr;

use opledger::hash::{Metadata, hash_key};
use opledger::model::{Hub, UnitId};
use opledger::store::State;
use opledger::{Attributes, Hash, Position, Status, Tenant, Timestamp, Version};
use serde::{Deserialize, Serialize};

pub(crate) use self::decode::decode_row;
pub(super) use self::decode::{time, unknown};
use super::attributes::{number, status};

/// A version as the log holds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Row {
    First(Box<FirstRow>),
    Next(Box<NextRow>),
}

/// The hub and the first version of an operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FirstRow {
    /// Only where it is not the hash of the business key.
    hk: Option<Hash>,
    key: KeyRow,
    pub(crate) tenant: u32,
    /// Only where it is not that of the version.
    hub_load_date: Option<Timestamp>,
    /// Only where it is not that of the version.
    hub_source: Option<String>,
    pub(crate) unit: UnitId,
    /// How long after execution_timestamp.
    load_date: i64,
    pub(crate) hash_diff: Hash,
    record_source: String,
    script_name: String,
    pub(crate) script_type: u32,
    status: u8,
    pub(crate) execution_timestamp: Timestamp,
    pub(crate) duration_ms: Option<i32>,
    user: Option<String>,
    client_ip: Option<IpAddr>,
    objects: Option<Vec<Option<String>>>,
    sql_command: Option<String>,
    error_message: Option<String>,
    /// Its canonical text.
    metadata: Option<String>,
}

/// A business key.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum KeyRow {
    /// Made of script name, execution_timestamp and this.
    Made(String),
    Other(String),
}

impl FirstRow {
    pub(crate) fn new(hub: &Hub, first: &State, unit: UnitId, tenant: u32, script_type: u32) -> Self {
        let attributes = first.attributes.clone();
        let bk = &hub.script_execution_bk;
        let key = match bk.strip_prefix(&beginning(&attributes.script_name, attributes.execution_timestamp)) {
            Some(rest) => KeyRow::Made(rest.to_owned()),
            None => KeyRow::Other(bk.clone()),
        };
        Self {
            hk: (hash_key(bk) != hub.script_execution_hk).then_some(hub.script_execution_hk),
            key,
            tenant,
            hub_load_date: (hub.load_date != first.load_date).then_some(hub.load_date),
            hub_source: (hub.record_source != first.record_source).then(|| hub.record_source.clone()),
            unit,
            load_date: since(attributes.execution_timestamp, first.load_date),
            hash_diff: first.hash_diff,
            record_source: first.record_source.clone(),
            script_name: attributes.script_name,
            script_type,
            status: number(attributes.execution_status),
            execution_timestamp: attributes.execution_timestamp,
            duration_ms: attributes.execution_duration_ms,
            user: attributes.db_session_user,
            client_ip: attributes.client_ip,
            objects: attributes.affected_objects,
            sql_command: attributes.sql_command,
            error_message: attributes.error_message,
            metadata: attributes.metadata.as_ref().map(text),
        }
    }

    pub(crate) fn status(&self) -> Status {
        status(self.status)
    }

    pub(crate) fn hash_key(&self) -> Hash {
        self.hk.unwrap_or_else(|| hash_key(&self.business_key()))
    }

    fn business_key(&self) -> String {
        match &self.key {
            KeyRow::Made(rest) => beginning(&self.script_name, self.execution_timestamp) + rest,
            KeyRow::Other(key) => key.clone(),
        }
    }

    /// The hub and the version as the model has them; the version is open.
    pub(crate) fn into_model(self, tenant: Tenant, script_type: String, position: Position) -> (Hub, Version) {
        let started = self.execution_timestamp;
        let bk = self.business_key();
        let hk = self.hk.unwrap_or_else(|| hash_key(&bk));
        let load_date = after(started, self.load_date);
        let hub = Hub {
            script_execution_hk: hk,
            script_execution_bk: bk,
            tenant,
            load_date: self.hub_load_date.unwrap_or(load_date),
            record_source: self.hub_source.unwrap_or_else(|| self.record_source.clone()),
        };
        let attributes = Attributes {
            script_name: self.script_name,
            script_type,
            execution_status: status(self.status),
            execution_timestamp: started,
            execution_duration_ms: self.duration_ms,
            db_session_user: self.user,
            client_ip: self.client_ip,
            affected_objects: self.objects,
            sql_command: self.sql_command,
            error_message: self.error_message,
            metadata: self.metadata.map(Metadata::from_stored),
        };
        let version = Version {
            script_execution_hk: hk,
            load_date,
            load_end_date: None,
            hash_diff: self.hash_diff,
            attributes,
            record_source: self.record_source,
            tenant,
            position,
            unit: self.unit,
        };
        (hub, version)
    }
}

/// A later version: `None` stands for what the first one says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct NextRow {
    /// How far behind the first one in the log.
    first: u64,
    /// How far behind the one before it.
    previous: u64,
    pub(crate) unit: UnitId,
    /// How long after execution_timestamp.
    load_date: i64,
    pub(crate) hash_diff: Hash,
    record_source: Option<String>,
    status: u8,
    pub(crate) duration_ms: Option<i32>,
    user: Option<Option<String>>,
    client_ip: Option<Option<IpAddr>>,
    objects: Option<Option<Vec<Option<String>>>>,
    sql_command: Option<Option<String>>,
    error_message: Option<Option<String>>,
    metadata: MetadataRow,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum MetadataRow {
    Same,
    /// Members that are new, or have another value.
    Added(String),
    Other(Option<String>),
}

impl NextRow {
    /// The row of `next`, an operation's version at `place`, beside the operation's first one, with the places of the
    /// first and of the one before it.
    pub(crate) fn new(
        first: &Version,
        (first_place, previous): (u64, u64),
        place: u64,
        unit: UnitId,
        next: &State,
    ) -> Self {
        let (was, is) = (&first.attributes, &next.attributes);
        Self {
            first: place.saturating_sub(first_place),
            previous: place.saturating_sub(previous),
            unit,
            load_date: since(was.execution_timestamp, next.load_date),
            hash_diff: next.hash_diff,
            record_source: changed(&first.record_source, &next.record_source),
            status: number(is.execution_status),
            duration_ms: is.execution_duration_ms,
            user: changed(&was.db_session_user, &is.db_session_user),
            client_ip: changed(&was.client_ip, &is.client_ip),
            objects: changed(&was.affected_objects, &is.affected_objects),
            sql_command: changed(&was.sql_command, &is.sql_command),
            error_message: changed(&was.error_message, &is.error_message),
            metadata: MetadataRow::new(was.metadata.as_ref(), is.metadata.as_ref()),
        }
    }

    pub(crate) fn status(&self) -> Status {
        status(self.status)
    }

    /// The place of the operation's first version, when this one is at `place`.
    pub(crate) fn first(&self, place: u64) -> u64 {
        place.saturating_sub(self.first)
    }

    /// The place of the version before it, when this one is at `place`.
    pub(crate) fn previous(&self, place: u64) -> u64 {
        // A chain that does not go back would never end.
        place.saturating_sub(self.previous.max(1))
    }

    /// The version as the model has it, open. An error says why its parts do not fit.
    pub(crate) fn into_model(self, first: &Version, position: Position) -> Result<Version, String> {
        let was = &first.attributes;
        let metadata = match self.metadata {
            MetadataRow::Same => was.metadata.clone(),
            MetadataRow::Other(metadata) => metadata.map(Metadata::from_stored),
            MetadataRow::Added(added) => match &was.metadata {
                Some(metadata) => {
                    Some(metadata.merge(&Metadata::from_stored(added)).map_err(|error| error.to_string())?)
                }
                None => return Err("it adds to metadata that its first version lacks".to_owned()),
            },
        };
        let attributes = Attributes {
            script_name: was.script_name.clone(),
            script_type: was.script_type.clone(),
            execution_status: status(self.status),
            execution_timestamp: was.execution_timestamp,
            execution_duration_ms: self.duration_ms,
            db_session_user: self.user.unwrap_or_else(|| was.db_session_user.clone()),
            client_ip: self.client_ip.unwrap_or(was.client_ip),
            affected_objects: self.objects.unwrap_or_else(|| was.affected_objects.clone()),
            sql_command: self.sql_command.unwrap_or_else(|| was.sql_command.clone()),
            error_message: self.error_message.unwrap_or_else(|| was.error_message.clone()),
            metadata,
        };
        Ok(Version {
            script_execution_hk: first.script_execution_hk,
            load_date: after(was.execution_timestamp, self.load_date),
            load_end_date: None,
            hash_diff: self.hash_diff,
            attributes,
            record_source: self.record_source.unwrap_or_else(|| first.record_source.clone()),
            tenant: first.tenant,
            position,
            unit: self.unit,
        })
    }
}

impl MetadataRow {
    fn new(was: Option<&Metadata>, is: Option<&Metadata>) -> Self {
        if was == is && was.map(Metadata::as_str) == is.map(Metadata::as_str) {
            return Self::Same;
        }
        match was.zip(is).and_then(|(was, is)| was.additions_to(is)) {
            Some(added) => Self::Added(text(&added)),
            None => Self::Other(is.map(text)),
        }
    }
}

fn text(metadata: &Metadata) -> String {
    metadata.as_str().to_owned()
}

fn changed<T: Clone + PartialEq>(was: &T, is: &T) -> Option<T> {
    (was != is).then(|| is.clone())
}

/// How a business key begins that the tracker makes.
fn beginning(script_name: &str, started: Timestamp) -> String {
    opledger::model::business_key_of(script_name, started, "")
}

/// Times of one operation are close together: their distance takes few bytes. Wraps at the ends of time, and back.
fn since(started: Timestamp, moment: Timestamp) -> i64 {
    moment.as_micros().wrapping_sub(started.as_micros())
}

pub(super) fn after(started: Timestamp, distance: i64) -> Timestamp {
    Timestamp::from_micros(started.as_micros().wrapping_add(distance))
}
