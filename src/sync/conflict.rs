//! Versions that the other store did not take.

use serde::{Deserialize, Serialize};

use super::documents;
use super::parcel::Parcel;
use crate::error::Result;
use crate::hash::Hash;
use crate::model::{Document, Kind, Position, Tenant};
use crate::time::Timestamp;

/// The longest reason that is kept, in characters.
const MAX_REASON: usize = 1000;

/// A version that could not be taken over; the others were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The agent whose version it is.
    pub agent: String,
    /// Its operation; none where the record could not be read.
    pub operation: Option<Hash>,
    /// Since when that version is known.
    pub load_date: Option<Timestamp>,
    /// Its place in the agent's log; none where the record could not be read.
    pub position: Option<Position>,
    /// Its hash_diff.
    pub ours: Option<Hash>,
    /// The hash_diff of what the other store has in its place; none where that is nothing, or somebody else's.
    pub theirs: Option<Hash>,
    /// Why it was not taken over.
    pub reason: String,
}

impl Conflict {
    pub(super) fn new(agent: &str, parcel: &Parcel, theirs: Option<Hash>, reason: &str) -> Self {
        let subject = parcel.subject.as_ref();
        Self {
            agent: agent.to_owned(),
            operation: subject.map(|subject| subject.witness.operation),
            load_date: subject.map(|subject| subject.witness.load_date),
            position: subject.map(|subject| subject.witness.position),
            ours: subject.map(|subject| subject.witness.hash_diff),
            theirs,
            reason: reason.chars().filter(|character| *character != '\0').take(MAX_REASON).collect(),
        }
    }

    /// The same version in conflict is the same document, however often it is met.
    pub(super) fn document(&self, store: &str, tenant: Tenant, at: Timestamp, source: &str) -> Result<Document> {
        let what = match (self.operation, self.load_date) {
            (Some(operation), Some(load_date)) => format!("{operation} at {}", load_date.as_micros()),
            _ => self.reason.clone(),
        };
        let key = Hash::of(&format!("conflict of {store}: {what}"));
        documents::document((Kind::Conflict, key), tenant, at, self, source)
    }
}
