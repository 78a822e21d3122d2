//! The store.

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_channel::oneshot;
use opledger::model::UnitId;
use opledger::store::{
    Answer, Call, Key, Outcome, Page, Plan, Purged, Record, Reply, Scan, Scope, Store, StoreInfo, Unit,
};
use opledger::{Error, ErrorKind, Position, Result, Timestamp};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::answer::{answer, purge};
use crate::commit::{self, Job};
use crate::config::Config;
use crate::runtime::Executor;
use crate::shared::Shared;
use crate::{log, read, users};

/// Units that may wait for the server; with more, a commit is refused at once.
const MAX_QUEUED: usize = 100_000;

/// A ledger in PostgreSQL. Its futures run on any executor: it has a thread of its own for the driver.
pub struct PostgresStore {
    shared: Arc<Shared>,
    executor: Executor,
    /// None once the store is closed.
    writer: Mutex<Option<Writer>>,
    id: UnitId,
}

struct Writer {
    queue: mpsc::UnboundedSender<Job>,
    task: JoinHandle<()>,
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("location", &self.shared.config.location()).finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Connects, and looks whether the schema is there.
    ///
    /// # Errors
    /// Gives 08006 when no host answers, 42501 when the login is refused, 42883 when the schema is not installed.
    pub async fn connect(config: &Config) -> Result<Self> {
        let executor = Executor::start()?;
        let shared = Arc::new(Shared::new(config.clone())?);
        let first = Arc::clone(&shared);
        let id = executor.run(async move { first.pool.get().await?.store_id() }).await?;
        let (queue, waiting) = mpsc::unbounded_channel();
        let task = executor.spawn(commit::run(Arc::clone(&shared), waiting)).ok_or_else(|| shared.closed_error())?;
        Ok(Self { shared, executor, writer: Mutex::new(Some(Writer { queue, task })), id })
    }

    /// [`connect`](Self::connect) for those who have no executor: waits in place.
    ///
    /// # Errors
    /// As `connect`.
    pub fn open(config: &Config) -> Result<Self> {
        pollster::block_on(Self::connect(config))
    }

    fn hand_over(&self, units: Vec<Unit>) -> Result<oneshot::Receiver<Result<Vec<Outcome>>>> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let writer = writer.as_ref().ok_or_else(|| self.shared.closed_error())?;
        let count = units.len();
        let waiting = self.shared.queued.fetch_add(count, Ordering::Relaxed);
        if waiting > 0 && waiting + count > MAX_QUEUED {
            self.shared.queued.fetch_sub(count, Ordering::Relaxed);
            let message = format!("{waiting} units wait for the server already; the limit is {MAX_QUEUED}");
            return Err(Error::new(ErrorKind::Overloaded, message));
        }
        let (reply, outcomes) = oneshot::channel();
        writer.queue.send(Job { units, reply }).map_err(|_| self.shared.closed_error())?;
        Ok(outcomes)
    }
}

impl Store for PostgresStore {
    fn info(&self) -> StoreInfo {
        let location = self.shared.config.location();
        StoreInfo { id: self.id, engine: "postgres", location, persistent: true, loss: None }
    }

    fn commit(&self, units: Vec<Unit>) -> impl Future<Output = Result<Vec<Outcome>>> + Send + use<> {
        let waiting = self.hand_over(units);
        let closed = self.shared.closed_error();
        async move { waiting?.await.unwrap_or(Err(closed)) }
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
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Writer { queue, task }) = writer else { return Err(self.shared.closed_error()) };
        drop(queue);
        // What was handed over is carried out before.
        let _ = task.await;
        self.shared.closed.store(true, Ordering::Release);
        self.shared.pool.close();
        Ok(())
    }
}
