//! The mark: how far an agent's log was taken over.

use serde::{Deserialize, Serialize};

use super::clock::ClockOffset;
use super::documents;
use crate::error::Result;
use crate::hash::Hash;
use crate::model::{Document, Kind, Position, Tenant};
use crate::store::{Scope, Store};
use crate::time::Timestamp;

/// Which end of a sync keeps a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The agent that sends.
    Sender,
    /// The store that takes over: its mark counts.
    Receiver,
}

/// Whose rows are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Rows {
    System,
    Tenant,
    All,
}

impl Rows {
    pub(crate) fn of(scope: Scope) -> Self {
        match scope {
            Scope::System => Self::System,
            Scope::Tenant(_) => Self::Tenant,
            Scope::All => Self::All,
        }
    }

    /// Whether rows of `tenant` go the way of a mark that belongs to `owner`.
    pub(crate) fn include(self, owner: Tenant, tenant: Tenant) -> bool {
        self == Self::All || owner == tenant
    }
}

/// The last version that was taken over, by which its log is known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Witness {
    pub(crate) position: Position,
    pub(crate) operation: Hash,
    pub(crate) load_date: Timestamp,
    pub(crate) hash_diff: Hash,
}

/// How far the log of one agent was taken over by one other store. Kept at both ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Which end this is.
    pub side: Side,
    /// The agent's name.
    pub agent: String,
    /// Whose rows are sent.
    pub(crate) rows: Rows,
    /// The identity of the agent's store.
    pub agent_store: String,
    /// The identity of the store that takes over; none before the first answer.
    pub server_store: Option<String>,
    /// How many calls were taken over; it never goes back.
    pub(crate) sequence: u64,
    /// Up to here the rows are in.
    pub position: Position,
    /// Up to here what could not be taken over is recorded, too: a sender resumes here.
    pub(crate) settled: Position,
    /// The last version up to `position`.
    pub(crate) last: Option<Witness>,
    /// How many versions of this log were taken over.
    pub versions: u64,
    /// How many places of the log were empty, by retention or loss.
    pub(crate) missing: u64,
    /// The agent's clock against the server's, at the last sync.
    pub clock: Option<ClockOffset>,
    /// When all that there was had last been sent, by the agent's clock.
    pub synced_at: Option<Timestamp>,
    /// How many operations retention removed from the agent's store after they were taken over.
    pub removed: u64,
}

impl Mark {
    /// The mark of a log of which nothing was taken over.
    pub(super) fn new(side: Side, agent: &str, scope: Scope, agent_store: String) -> Self {
        Self {
            side,
            agent: agent.to_owned(),
            rows: Rows::of(scope),
            agent_store,
            server_store: None,
            sequence: 0,
            position: Position::START,
            settled: Position::START,
            last: None,
            versions: 0,
            missing: 0,
            clock: None,
            synced_at: None,
            removed: 0,
        }
    }

    /// The same, to begin again with the start of a log.
    pub(super) fn restarted(self, agent_store: String) -> Self {
        let (position, settled) = (Position::START, Position::START);
        Self { agent_store, position, settled, last: None, versions: 0, missing: 0, ..self }
    }

    /// What the agent keeps of the mark at the other end.
    pub(super) fn mirrored(&self, mirror: Option<&Self>) -> Self {
        let removed = mirror.map_or(0, |mirror| mirror.removed);
        let synced_at = self.synced_at.max(mirror.and_then(|mirror| mirror.synced_at));
        Self { side: Side::Sender, removed, synced_at, ..self.clone() }
    }
}

/// The key of a mark. It has the agent's name, not its store: so a new store under an old name is noticed.
pub(super) fn key(side: Side, agent: &str, scope: Scope) -> Hash {
    let side = match side {
        Side::Sender => "to the server of",
        Side::Receiver => "from",
    };
    let rows = match scope {
        Scope::System => "system".to_owned(),
        Scope::Tenant(tenant) => tenant.to_string(),
        Scope::All => "all".to_owned(),
    };
    Hash::of(&format!("{side} {agent}, rows of {rows}"))
}

/// A mark as it is stored.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) mark: Mark,
    pub(super) load_date: Timestamp,
    pub(super) hash_diff: Hash,
}

impl Stored {
    pub(super) fn of(document: &Document) -> Result<Self> {
        let mark = documents::body(document)?;
        Ok(Self { mark, load_date: document.load_date, hash_diff: document.hash_diff })
    }

    pub(super) async fn find<S: Store>(store: &S, scope: Scope, key: Hash) -> Result<Option<Self>> {
        documents::open(store, scope, Kind::Peer, key).await?.as_ref().map(Self::of).transpose()
    }
}
