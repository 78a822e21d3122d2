//! Units: what a store is asked to change, and what became of it.

use crate::hash::Hash;
use crate::model::{Attributes, Check, Document, Hub, Position, Tenant, UnitId};
use crate::time::Timestamp;

/// One atomic change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its name, by which a retry is known.
    pub id: UnitId,
    /// What changes.
    pub change: Change,
}

/// What a unit changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new hub with its first version.
    Start {
        /// The hub.
        hub: Hub,
        /// The version.
        first: State,
    },
    /// A new version; the open one ends where it begins.
    Append {
        /// The operation.
        operation: Hash,
        /// Who it belongs to; another tenant's operation is unknown.
        tenant: Tenant,
        /// The load date and hash_diff that the open version must have.
        expect_open: (Timestamp, Hash),
        /// The version.
        next: State,
    },
    /// What a `verify` found.
    Check(Check),
    /// A new version of a document.
    Put(Put),
    /// Operations that leave with all their versions, and the document that says so. A step of its own: it works on
    /// what was stored before the call, and no other unit of the call shares its fate.
    Remove(Removal),
}

/// A new version of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// The version.
    pub next: Document,
    /// The hash_diff that the open version must have; none where there must be no such document.
    pub expect_open: Option<Hash>,
}

/// Operations to be removed, whatever their state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Who they belong to; another tenant's operation is unknown.
    pub tenant: Tenant,
    /// Each with the load date and hash_diff that its open version must have.
    pub operations: Vec<(Hash, (Timestamp, Hash))>,
    /// What is put in the same step.
    pub record: Put,
}

/// A version as it is handed to a store, which adds the position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Since when this is known.
    pub load_date: Timestamp,
    /// The hash of the attributes.
    pub hash_diff: Hash,
    /// The attributes.
    pub attributes: Attributes,
    /// Who wrote it.
    pub record_source: String,
}

impl State {
    /// A state with its hash.
    #[must_use]
    pub fn new(load_date: Timestamp, attributes: Attributes, record_source: String) -> Self {
        let hash_diff = attributes.hash_diff();
        Self { load_date, hash_diff, attributes, record_source }
    }
}

/// What became of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Carried out; its version is at this position.
    Done(Position),
    /// It had been carried out before; nothing was added.
    Replayed(Position),
    /// The same key has other content, or was brought by another unit; nothing was changed.
    Conflict {
        /// The hash_diff that was handed over.
        ours: Hash,
        /// The hash_diff that is stored; none where it belongs to somebody else.
        theirs: Option<Hash>,
    },
    /// It does not fit what is stored; nothing was changed.
    Refused(Refusal),
}

/// Why a unit does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such operation within its tenant.
    Unknown,
    /// The open version is not the expected one: judge again on what stands now.
    Moved,
    /// The operation has ended.
    Finished,
    /// The load date is not later than that of the open version.
    NotLater,
}
