//! The beginning of a version's row, without what it says at length: for those who read the whole log. bincode is
//! positional, so these are the first fields of [`FirstRow`](super::FirstRow) and [`NextRow`](super::NextRow), in order.

use opledger::hash::hash_key;
use opledger::model::UnitId;
use opledger::{Hash, Status, Timestamp};
use serde::Deserialize;

use super::attributes::status;
use super::config;

/// As [`Row`](super::Row).
#[derive(Debug, Deserialize)]
pub(crate) enum RowHead<'a> {
    #[serde(borrow)]
    First(FirstHead<'a>),
    Next(NextHead<'a>),
}

#[derive(Debug, Deserialize)]
pub(crate) struct FirstHead<'a> {
    hk: Option<Hash>,
    #[serde(borrow)]
    key: KeyHead<'a>,
    pub(crate) tenant: u32,
    _hub_load_date: Option<Timestamp>,
    _hub_source: Option<&'a str>,
    _unit: UnitId,
    _load_date: i64,
    _hash_diff: Hash,
    _record_source: &'a str,
    script_name: &'a str,
    pub(crate) script_type: u32,
    status: u8,
    pub(crate) execution_timestamp: Timestamp,
    pub(crate) duration_ms: Option<i32>,
}

#[derive(Debug, Deserialize)]
enum KeyHead<'a> {
    Made(&'a str),
    Other(&'a str),
}

#[derive(Debug, Deserialize)]
pub(crate) struct NextHead<'a> {
    first: u64,
    previous: u64,
    _unit: UnitId,
    _load_date: i64,
    _hash_diff: Hash,
    _record_source: Option<&'a str>,
    status: u8,
    pub(crate) duration_ms: Option<i32>,
}

/// Decodes the head of a row, or says what is wrong.
pub(crate) fn decode_head(bytes: &[u8]) -> Result<RowHead<'_>, String> {
    bincode::serde::borrow_decode_from_slice(bytes, config())
        .map(|(head, _)| head)
        .map_err(|error| format!("it does not decode: {error}"))
}

impl FirstHead<'_> {
    pub(crate) fn status(&self) -> Status {
        status(self.status)
    }

    pub(crate) fn hash_key(&self) -> Hash {
        self.hk.unwrap_or_else(|| match self.key {
            KeyHead::Made(rest) => {
                hash_key(&opledger::model::business_key_of(self.script_name, self.execution_timestamp, rest))
            }
            KeyHead::Other(key) => hash_key(key),
        })
    }
}

impl NextHead<'_> {
    pub(crate) fn status(&self) -> Status {
        status(self.status)
    }

    /// As [`NextRow::first`](super::NextRow::first).
    pub(crate) fn first(&self, place: u64) -> u64 {
        place.saturating_sub(self.first)
    }

    /// As [`NextRow::previous`](super::NextRow::previous).
    pub(crate) fn previous(&self, place: u64) -> u64 {
        place.saturating_sub(self.previous.max(1))
    }
}
