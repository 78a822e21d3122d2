//! The tracker: the calls that users make, over any store.

mod handle;
mod listing;
mod log;
mod new_operation;
mod read;
mod reports;
mod scope;
mod upkeep;
mod verify;
mod write;

use std::sync::Arc;
use std::time::Duration;

pub use handle::{Completion, Handle};
pub use listing::Listing;
pub use log::{LogBatch, LogReader};
pub use new_operation::NewOperation;
pub use read::{ErrorRow, History, HistoryRow};
pub use scope::ScopeError;
pub use upkeep::{Cleanup, CleanupPreview};
pub use verify::Verification;

use crate::error::{Error, ErrorKind, Result};
use crate::hash::Hash;
use crate::store::{Scope, Store, StoreInfo};
use crate::sync::{Backlog, Limits};
use crate::time::{Clock, SystemClock, Timestamp};
use crate::users::UserSettings;

/// Tracks operations in a store, and reports on them.
///
/// A clone is cheap and works on the same store. A tracker works on the system's own rows until
/// [`for_tenant`](Self::for_tenant) binds it to a tenant.
///
/// ```no_run
/// # async fn example<S: opledger::Store>(store: S) -> opledger::Result<()> {
/// use opledger::Tracker;
///
/// let tracker = Tracker::new(store);
/// let operation = tracker.track_operation("Nightly backup", "BACKUP").await?;
/// // … the work …
/// operation.complete().await?;
/// for row in tracker.enterprise_dashboard().await? {
///     println!("{}: {:?} {}", row.metric_name, row.metric_value, row.status);
/// }
/// # Ok(()) }
/// ```
pub struct Tracker<S> {
    store: Arc<S>,
    scope: Scope,
    defaults: Arc<Defaults>,
}

struct Defaults {
    clock: Box<dyn Clock>,
    record_source: String,
    user: Option<String>,
    backlog: Option<Backlog>,
    users: crate::users::State,
}

impl<S> Clone for Tracker<S> {
    fn clone(&self) -> Self {
        Self { store: Arc::clone(&self.store), scope: self.scope, defaults: Arc::clone(&self.defaults) }
    }
}

impl<S> std::fmt::Debug for Tracker<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tracker").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// What a tracker is made with.
pub struct TrackerBuilder {
    defaults: Defaults,
}

impl std::fmt::Debug for TrackerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrackerBuilder").finish_non_exhaustive()
    }
}

impl TrackerBuilder {
    /// Takes the time from `clock` instead of the machine's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.defaults.clock = Box::new(clock);
        self
    }

    /// Writes `source` as the record source, instead of `opledger`.
    #[must_use]
    pub fn record_source(mut self, source: impl Into<String>) -> Self {
        self.defaults.record_source = source.into();
        self
    }

    /// Writes `user` as the db_session_user of operations that name none.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.defaults.user = Some(user.into());
        self
    }

    /// Limits what may wait for a sync: at a limit, a new operation is refused or the oldest are dropped.
    #[must_use]
    pub fn backlog(mut self, limits: Limits) -> Self {
        self.defaults.backlog = Some(Backlog::new(limits));
        self
    }

    /// How strict logins are, in a store that does not look after users itself.
    #[must_use]
    pub fn users(mut self, settings: UserSettings) -> Self {
        self.defaults.users.settings = settings;
        self
    }

    /// Makes the tracker.
    pub fn build<S: Store>(self, store: S) -> Tracker<S> {
        Tracker { store: Arc::new(store), scope: Scope::System, defaults: Arc::new(self.defaults) }
    }
}

impl Tracker<()> {
    /// Begins to make a tracker with other than the default settings.
    #[must_use]
    pub fn builder() -> TrackerBuilder {
        let clock = Box::new(SystemClock);
        let (record_source, users) = ("opledger".to_owned(), crate::users::State::default());
        TrackerBuilder { defaults: Defaults { clock, record_source, user: None, backlog: None, users } }
    }
}

impl<S: Store> Tracker<S> {
    /// A tracker of the system's own rows in `store`.
    pub fn new(store: S) -> Self {
        Tracker::builder().build(store)
    }

    /// A tracker of one tenant's rows in the same store: it sees and writes no others.
    #[must_use]
    pub fn for_tenant(&self, tenant: Hash) -> Self {
        Self { scope: Scope::Tenant(tenant), ..self.clone() }
    }

    /// A tracker that reads every tenant's rows and completes any operation; what it starts belongs to the system.
    #[must_use]
    pub fn for_all(&self) -> Self {
        Self { scope: Scope::All, ..self.clone() }
    }

    /// The rows this tracker works on.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// What the store says of itself.
    #[must_use]
    pub fn info(&self) -> StoreInfo {
        self.store.info()
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.store
    }

    /// The time of this tracker's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.defaults.clock.now()
    }

    /// Time since some fixed moment of this process, by this tracker's clock.
    pub(crate) fn monotonic(&self) -> Duration {
        self.defaults.clock.monotonic()
    }

    pub(crate) fn record_source(&self) -> &str {
        &self.defaults.record_source
    }

    /// Who runs operations that name nobody.
    pub(crate) fn user(&self) -> Option<&str> {
        self.defaults.user.as_deref()
    }

    pub(crate) fn users(&self) -> &crate::users::State {
        &self.defaults.users
    }

    /// Finishes what was handed over and releases the store.
    ///
    /// # Errors
    /// Gives the store's error where the last writes failed.
    pub async fn close(&self) -> Result<()> {
        self.store.close().await.map_err(|error| error.during("close"))
    }
}

/// The error for an answer that the store contract does not allow.
fn broken_contract(store: &str, what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the store {store} broke its contract: {what}"))
}
