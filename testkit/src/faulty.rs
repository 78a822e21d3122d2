//! A store that fails on demand.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opledger::model::UnitId;
use opledger::store::{
    Answer, Call, Key, Outcome, Page, Plan, Purged, Record, Reply, Scan, Scope, Store, StoreInfo, Unit,
};
use opledger::{Error, ErrorKind, Position, Result, Timestamp};

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The inner store never hears of it.
    Before(ErrorKind),
    /// The inner store does it; the caller does not hear of that.
    After(ErrorKind),
    /// Another writer is first with the same content: its units have other ids.
    Forestalled,
}

/// Says which calls fail; clones control the same store.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    commits: Mutex<Vec<Fault>>,
    reads: Mutex<Vec<ErrorKind>>,
    failed: AtomicUsize,
}

impl Faults {
    /// Lets the next commits fail so, one each.
    pub fn fail_commits(&self, faults: impl IntoIterator<Item = Fault>) {
        let mut commits = self.0.commits.lock().unwrap_or_else(PoisonError::into_inner);
        commits.extend(faults);
    }

    /// Lets the next `count` reads (get, scan, answer, wait) fail.
    pub fn fail_reads(&self, count: usize, kind: ErrorKind) {
        let mut reads = self.0.reads.lock().unwrap_or_else(PoisonError::into_inner);
        reads.extend(std::iter::repeat_n(kind, count));
    }

    /// How many calls have failed so far.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.0.failed.load(Ordering::SeqCst)
    }

    fn next_commit(&self) -> Option<Fault> {
        let mut commits = self.0.commits.lock().unwrap_or_else(PoisonError::into_inner);
        (!commits.is_empty()).then(|| commits.remove(0))
    }

    fn read(&self) -> Result<()> {
        match self.0.reads.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            Some(kind) => Err(self.error(kind)),
            None => Ok(()),
        }
    }

    fn error(&self, kind: ErrorKind) -> Error {
        self.0.failed.fetch_add(1, Ordering::SeqCst);
        Error::new(kind, "a fault was injected")
    }
}

/// A store whose calls fail when its [`Faults`] say so.
#[derive(Debug)]
pub struct Faulty<S> {
    inner: S,
    faults: Faults,
}

impl<S> Faulty<S> {
    /// The store, and the control over its faults.
    pub fn new(inner: S) -> (Self, Faults) {
        let faults = Faults::default();
        (Self { inner, faults: faults.clone() }, faults)
    }
}

type Committing = Pin<Box<dyn Future<Output = Result<Vec<Outcome>>> + Send>>;

impl<S: Store> Store for Faulty<S> {
    fn info(&self) -> StoreInfo {
        self.inner.info()
    }
    fn commit(&self, units: Vec<Unit>) -> impl Future<Output = Result<Vec<Outcome>>> + Send + use<S> {
        let done: Committing = match self.faults.next_commit() {
            None => Box::pin(self.inner.commit(units)),
            Some(Fault::Before(kind)) => Box::pin(std::future::ready(Err(self.faults.error(kind)))),
            Some(Fault::After(kind)) => {
                let (error, done) = (self.faults.error(kind), self.inner.commit(units));
                Box::pin(async move { done.await.and(Err(error)) })
            }
            Some(Fault::Forestalled) => {
                let anothers = units.iter().map(|unit| Unit { id: UnitId::random().unwrap(), ..unit.clone() });
                let (first, done) = (self.inner.commit(anothers.collect()), self.inner.commit(units));
                Box::pin(async move {
                    first.await?;
                    done.await
                })
            }
        };
        done
    }
    async fn get(&self, scope: Scope, keys: &[Key]) -> Result<Vec<Option<Record>>> {
        self.faults.read()?;
        self.inner.get(scope, keys).await
    }
    async fn scan(&self, scope: Scope, scan: &Scan, limit: usize) -> Result<Page> {
        self.faults.read()?;
        self.inner.scan(scope, scan, limit).await
    }
    async fn answer(&self, scope: Scope, plan: &Plan) -> Result<Option<Answer>> {
        self.faults.read()?;
        self.inner.answer(scope, plan).await
    }
    async fn call(&self, scope: Scope, call: &Call) -> Result<Option<Reply>> {
        self.faults.read()?;
        self.inner.call(scope, call).await
    }
    async fn purge(&self, scope: Scope, before: Timestamp, limit: usize) -> Result<Purged> {
        self.inner.purge(scope, before, limit).await
    }
    async fn wait(&self, after: Position, at_most: Duration) -> Result<Position> {
        self.faults.read()?;
        self.inner.wait(after, at_most).await
    }
    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}
