//! A store in memory: for tests, and as the plain model of what [`Store`] asks of a backend.
//!
//! ```
//! # fn main() -> opledger::Result<()> {
//! use opledger::blocking::Tracker;
//! use opledger_memory::MemoryStore;
//!
//! let tracker = Tracker::new(MemoryStore::new());
//! let operation = tracker.track_operation("Vacuum", "MAINTENANCE")?;
//! assert!(operation.complete()?.is_recorded());
//! # Ok(()) }
//! ```

mod documents;
mod rows;
mod scan;

use std::future::ready;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opledger::model::UnitId;
use opledger::store::{
    Answer, Call, Key, Outcome, Page, Plan, Purged, Record, Reply, Scan, Scope, Store, StoreInfo, Tail, Unit,
};
use opledger::{Error, ErrorKind, Position, Result, Timestamp};

use crate::rows::Rows;

/// A ledger that lasts as long as the value does.
#[derive(Debug)]
pub struct MemoryStore {
    /// None once the store is closed.
    rows: Mutex<Option<Rows>>,
    tail: Tail,
    id: UnitId,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        // Without random bytes there is no telling two stores apart, and nothing else is lost.
        let id = UnitId::random().unwrap_or(UnitId([0; 16]));
        Self { rows: Mutex::new(Some(Rows::default())), tail: Tail::default(), id }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Rows>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Rows) -> T) -> Result<T> {
        self.lock().as_mut().map(work).ok_or_else(|| Error::new(ErrorKind::Closed, "the store in memory was closed"))
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Store for MemoryStore {
    fn info(&self) -> StoreInfo {
        StoreInfo { id: self.id, engine: "memory", location: "memory:".to_owned(), persistent: false, loss: None }
    }

    fn commit(&self, units: Vec<Unit>) -> impl Future<Output = Result<Vec<Outcome>>> + Send + use<> {
        ready(self.with(|rows| {
            let outcomes = units.into_iter().map(|unit| rows.carry_out(unit)).collect();
            // Under the lock, so that the end of the log never moves back.
            self.tail.advance(rows.last());
            outcomes
        }))
    }

    async fn get(&self, scope: Scope, keys: &[Key]) -> Result<Vec<Option<Record>>> {
        self.with(|rows| keys.iter().map(|key| rows.get(scope, key)).collect())
    }

    async fn scan(&self, scope: Scope, scan: &Scan, limit: usize) -> Result<Page> {
        self.with(|rows| rows.scan(scope, scan, limit.max(1)))
    }

    async fn answer(&self, _: Scope, _: &Plan) -> Result<Option<Answer>> {
        self.with(|_| None)
    }

    async fn call(&self, _: Scope, _: &Call) -> Result<Option<Reply>> {
        self.with(|_| None)
    }

    async fn purge(&self, scope: Scope, before: Timestamp, limit: usize) -> Result<Purged> {
        self.with(|rows| rows.purge(scope, before, limit))
    }

    async fn wait(&self, after: Position, at_most: Duration) -> Result<Position> {
        self.with(|_| ())?;
        let last = self.tail.wait(after, at_most).await;
        self.with(|_| last)
    }

    async fn close(&self) -> Result<()> {
        self.with(|_| ())?;
        *self.lock() = None;
        Ok(())
    }
}
