//! The store.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use opledger::model::UnitId;
use opledger::store::{
    Answer, Call, Key, Outcome, Page, Plan, Purged, Record, Reply, Scan, Scope, Store, StoreInfo, Unit,
};
use opledger::{Position, Result, Timestamp};

use crate::answer::{answer, purge};
use crate::commit::Committer;
use crate::config::Config;
use crate::runtime::Executor;
use crate::shared::Shared;
use crate::{log, read, users};

/// A ledger in PostgreSQL. Its futures run on any executor.
///
/// The driver needs tokio. A store that was made by [`connect`](Self::connect) in a multi-thread runtime works on that runtime:
/// quicker, because no call passes from thread to thread. Where that runtime is shut down, what was under way is given up, and
/// calls fail with `Closed`. Its threads must not wait for the store in place (`opledger::blocking`): they would wait for themselves.
/// [`open`](Self::open) gives a store for that.
pub struct PostgresStore {
    shared: Arc<Shared>,
    executor: Executor,
    committer: Arc<Committer>,
    id: UnitId,
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("location", &self.shared.config.location()).finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Connects, and looks whether the schema is there. In a multi-thread runtime of tokio the store lives on that runtime; elsewhere
    /// it has a thread of its own.
    ///
    /// # Errors
    /// Gives 08006 when no host answers, 42501 when the login is refused, 42883 when the schema is not installed.
    pub async fn connect(config: &Config) -> Result<Self> {
        Self::connect_on(Executor::here()?, config).await
    }

    /// Connects by waiting in place. The store has a thread of its own, so that it may be waited for anywhere.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub fn open(config: &Config) -> Result<Self> {
        pollster::block_on(Self::connect_on(Executor::own()?, config))
    }

    async fn connect_on(executor: Executor, config: &Config) -> Result<Self> {
        let shared = Arc::new(Shared::new(config.clone())?);
        let first = Arc::clone(&shared);
        let id = executor.run(async move { first.pool.get().await?.store_id() }).await?;
        let committer = Committer::new(Arc::clone(&shared), executor.clone());
        Ok(Self { shared, executor, committer, id })
    }
}

impl Store for PostgresStore {
    fn info(&self) -> StoreInfo {
        let location = self.shared.config.location();
        StoreInfo { id: self.id, engine: "postgres", location, persistent: true, loss: None }
    }

    fn commit(&self, units: Vec<Unit>) -> impl Future<Output = Result<Vec<Outcome>>> + Send + use<> {
        let waiting = self.committer.hand_over(units);
        let shared = Arc::clone(&self.shared);
        async move { waiting?.await.unwrap_or_else(|_| Err(shared.closed_error())) }
    }

    async fn get(&self, scope: Scope, keys: &[Key]) -> Result<Vec<Option<Record>>> {
        let (shared, keys) = (Arc::clone(&self.shared), keys.to_vec());
        self.executor.run(async move { read::get(&shared, scope, &keys).await }).await
    }

    async fn scan(&self, scope: Scope, scan: &Scan, limit: usize) -> Result<Page> {
        let (shared, scan) = (Arc::clone(&self.shared), scan.clone());
        self.executor.run(async move { read::scan(&shared, scope, &scan, limit).await }).await
    }

    async fn answer(&self, scope: Scope, plan: &Plan) -> Result<Option<Answer>> {
        let (shared, plan) = (Arc::clone(&self.shared), plan.clone());
        self.executor.run(async move { answer(&shared, scope, &plan).await }).await
    }

    async fn call(&self, scope: Scope, call: &Call) -> Result<Option<Reply>> {
        let (shared, call) = (Arc::clone(&self.shared), call.clone());
        self.executor.run(async move { users::call(&shared, scope, &call).await }).await
    }

    async fn purge(&self, scope: Scope, before: Timestamp, limit: usize) -> Result<Purged> {
        let shared = Arc::clone(&self.shared);
        self.executor.run(async move { purge(&shared, scope, before, limit).await }).await
    }

    async fn wait(&self, after: Position, at_most: Duration) -> Result<Position> {
        let shared = Arc::clone(&self.shared);
        self.executor.run(async move { log::wait(&shared, after, at_most).await }).await
    }

    async fn close(&self) -> Result<()> {
        if !self.committer.close().await {
            return Err(self.shared.closed_error());
        }
        self.shared.closed.store(true, Ordering::Release);
        self.shared.pool.close();
        Ok(())
    }
}
