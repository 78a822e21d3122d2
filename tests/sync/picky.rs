//! A server that refuses what a real one may refuse.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use opledger::store::{
    Answer, Call, Change, Key, Outcome, Page, Plan, Purged, Record, Reply, Scan, Scope, Store, StoreInfo, Unit,
};
use opledger::{Error, ErrorKind, Hash, Position, Result, Timestamp};
use opledger_memory::MemoryStore;

/// A store in memory that takes only so many units in a call, no unit of some operations, and has a clock.
#[derive(Debug)]
pub(crate) struct Picky {
    pub(crate) inner: MemoryStore,
    /// The most units of one call.
    pub(crate) most: AtomicUsize,
    /// Operations whose units make a call fail.
    pub(crate) poison: Mutex<Vec<Hash>>,
    /// Its time in microseconds; 0 is no clock.
    pub(crate) time: AtomicI64,
    /// How large the calls were that it took.
    pub(crate) calls: Mutex<Vec<usize>>,
    /// How all calls fail, where they do.
    pub(crate) ill: Mutex<Option<ErrorKind>>,
}

impl Picky {
    pub(crate) fn new() -> Self {
        Self {
            inner: MemoryStore::new(),
            most: AtomicUsize::new(usize::MAX),
            poison: Mutex::default(),
            time: AtomicI64::new(0),
            calls: Mutex::default(),
            ill: Mutex::default(),
        }
    }

    fn check(&self, units: &[Unit]) -> Result<()> {
        if let Some(kind) = *self.ill.lock().unwrap_or_else(PoisonError::into_inner) {
            return Err(Error::new(kind, "this server is ill"));
        }
        if units.len() > self.most.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Io, "program limit exceeded (SQLSTATE 54000)"));
        }
        let poison = self.poison.lock().unwrap();
        let subject = |unit: &Unit| match &unit.change {
            Change::Start { hub, .. } => Some(hub.script_execution_hk),
            Change::Append { operation, .. } => Some(*operation),
            _ => None,
        };
        if units.iter().filter_map(subject).any(|hk| poison.contains(&hk)) {
            return Err(Error::new(ErrorKind::InvalidValue, "hash_diff is not that of the content"));
        }
        self.calls.lock().unwrap().push(units.len());
        Ok(())
    }
}

impl Store for Picky {
    fn info(&self) -> StoreInfo {
        self.inner.info()
    }
    fn commit(&self, units: Vec<Unit>) -> impl Future<Output = Result<Vec<Outcome>>> + Send + use<> {
        let checked = self.check(&units);
        let work = checked.is_ok().then(|| self.inner.commit(units));
        async move {
            checked?;
            match work {
                Some(work) => work.await,
                None => Ok(Vec::new()),
            }
        }
    }
    async fn get(&self, scope: Scope, keys: &[Key]) -> Result<Vec<Option<Record>>> {
        self.inner.get(scope, keys).await
    }
    async fn scan(&self, scope: Scope, scan: &Scan, limit: usize) -> Result<Page> {
        self.inner.scan(scope, scan, limit).await
    }
    async fn answer(&self, scope: Scope, plan: &Plan) -> Result<Option<Answer>> {
        match (plan, self.time.load(Ordering::SeqCst)) {
            (Plan::Clock, time) if time != 0 => Ok(Some(Answer::Clock(Timestamp::from_micros(time)))),
            _ => self.inner.answer(scope, plan).await,
        }
    }
    async fn purge(&self, scope: Scope, before: Timestamp, limit: usize) -> Result<Purged> {
        self.inner.purge(scope, before, limit).await
    }
    async fn wait(&self, after: Position, at_most: Duration) -> Result<Position> {
        self.inner.wait(after, at_most).await
    }
    async fn call(&self, scope: Scope, call: &Call) -> Result<Option<Reply>> {
        self.inner.call(scope, call).await
    }
    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}
