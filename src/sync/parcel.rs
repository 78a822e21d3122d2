//! A log entry on its way to another store.

use super::mark::Witness;
use crate::model::{Attributes, Position, Tenant};
use crate::store::Unit;

/// One entry of the log, as it is sent.
#[derive(Debug)]
pub(super) struct Parcel {
    /// The unit; none where the entry is set aside.
    pub(super) unit: Option<Unit>,
    /// Why it is set aside.
    pub(super) problem: Option<String>,
    /// Which version it is; none where the record could not be read.
    pub(super) subject: Option<Subject>,
    /// Up to here everything was read.
    pub(super) upto: Position,
    /// How many places before it are empty.
    pub(super) missing: u64,
    /// Its size in bytes, roughly.
    pub(super) weight: usize,
}

/// Which version a parcel holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject {
    pub(super) witness: Witness,
    pub(super) tenant: Tenant,
}

/// What a version takes, in bytes, roughly: its texts, and as much again as keys and times take.
pub(super) fn weight(attributes: &Attributes) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let objects = attributes.affected_objects.iter().flatten().flatten();
    200 + attributes.script_name.len()
        + text(&attributes.sql_command)
        + text(&attributes.error_message)
        + attributes.metadata.as_ref().map_or(0, |metadata| metadata.as_str().len())
        + objects.map(String::len).sum::<usize>()
}
