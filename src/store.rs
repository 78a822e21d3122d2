//! The contract between the core and a store.
//!
//! A backend implements [`Store`]; everything a user calls is built on it, once, in this crate. The
//! conformance suite of `opledger-testkit` says whether an implementation keeps the contract.

pub mod audit;
mod call;
mod dynamic;
pub mod judge;
mod page;
mod plan;
mod tail;
mod unit;

use std::time::Duration;

pub use call::{Call, Reply};
pub use dynamic::DynStore;
pub use page::{Damage, Entry, Key, Page, Purged, Record, Scan};
pub use plan::{Activity, Answer, Condition, Integrity, Plan};
pub use tail::Tail;
pub use unit::{Change, Outcome, Put, Refusal, Removal, State, Unit};

use crate::error::Result;
use crate::hash::Hash;
use crate::model::{Position, Tenant, UnitId};
use crate::time::Timestamp;

/// Whose rows a call may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Rows of the system itself: those without a tenant.
    System,
    /// Rows of one tenant.
    Tenant(Hash),
    /// All rows.
    All,
}

impl Scope {
    /// Whether rows of `tenant` are within this scope.
    #[must_use]
    pub fn sees(self, tenant: Tenant) -> bool {
        match self {
            Self::System => tenant.is_none(),
            Self::Tenant(own) => tenant == Some(own),
            Self::All => true,
        }
    }

    /// Who rows written in this scope belong to.
    #[must_use]
    pub fn tenant(self) -> Tenant {
        match self {
            Self::Tenant(own) => Some(own),
            Self::System | Self::All => None,
        }
    }
}

/// What a store says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreInfo {
    /// The store's own identity, made with it: a copy of its files has the same, a new store another.
    pub id: UnitId,
    /// The engine's name, as in a store URL.
    pub engine: &'static str,
    /// Where it is, without secrets.
    pub location: String,
    /// Whether what was acknowledged survives the process.
    pub persistent: bool,
    /// What the engine lost, until that is accepted; such a store takes no writes.
    pub loss: Option<Loss>,
}

/// A tail of the log that an engine lost by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    /// The last position that is still there.
    pub after: Position,
    /// How many versions are missing after it.
    pub versions: u64,
    /// How many operations are missing after it.
    pub operations: u64,
}

/// A place that keeps hubs and versions.
///
/// # What an implementation promises
/// - `commit` is eager: the call hands the units over, the future only waits, and dropping it cancels
///   nothing. Each unit is atomic and judged in order as [`judge`] says; one unit's conflict fails no other.
///   A unit answered with [`Outcome::Done`] is durable at the durability that the store was opened with. The units of
///   one call become durable in one step: after a crash all that were done are there, or none.
/// - The store assigns positions, nothing else. No version with a smaller position appears after a larger
///   one was readable. Hashes and load dates come with the unit.
/// - Every read sees every unit acknowledged before it began.
/// - `scope` is obeyed by every call: what is outside it is unknown.
/// - A damaged record is reported in [`Page::damaged`] (or as an XX001 error of `get`), never as absent, and
///   what is readable stays readable.
/// - Futures run on any executor. No call panics.
pub trait Store: Send + Sync + 'static {
    /// What this store is.
    fn info(&self) -> StoreInfo;

    /// Carries out units in order; one outcome each. May block the caller briefly when the store is
    /// behind with its work.
    fn commit(&self, units: Vec<Unit>) -> impl Future<Output = Result<Vec<Outcome>>> + Send + use<Self>;

    /// Reads records by key; one answer each, none where nothing is known within `scope`.
    fn get(&self, scope: Scope, keys: &[Key]) -> impl Future<Output = Result<Vec<Option<Record>>>> + Send;

    /// Reads up to `limit` records in order; [`Page::next`] resumes.
    fn scan(&self, scope: Scope, scan: &Scan, limit: usize) -> impl Future<Output = Result<Page>> + Send;

    /// Answers a question in the store's own way, or none: then the core computes it by `scan`.
    fn answer(&self, scope: Scope, plan: &Plan) -> impl Future<Output = Result<Option<Answer>>> + Send;

    /// Carries out what users ask for in the store's own way, or says none: then the core does it by documents.
    /// What it changes belongs where `scope` writes; it may work for no tenant that `scope` does not see.
    fn call(&self, scope: Scope, call: &Call) -> impl Future<Output = Result<Option<Reply>>> + Send;

    /// Removes up to `limit` finished operations that started before `before`, each with all its versions.
    fn purge(&self, scope: Scope, before: Timestamp, limit: usize) -> impl Future<Output = Result<Purged>> + Send;

    /// Waits until the log has a position after `after`, `at_most` so long; gives the last position either way.
    fn wait(&self, after: Position, at_most: Duration) -> impl Future<Output = Result<Position>> + Send;

    /// Finishes what was handed over and releases the store; calls after it give 08003.
    fn close(&self) -> impl Future<Output = Result<()>> + Send;
}
