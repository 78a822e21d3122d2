//! A store that acknowledges what it does not keep.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opledger::store::{
    Answer, Call, Key, Outcome, Page, Plan, Purged, Record, Reply, Scan, Scope, Store, StoreInfo, Unit,
};
use opledger::{Position, Result, Timestamp};

/// The same store, but each so many commits it says that it is done, and does nothing: what a recount must notice.
#[derive(Debug)]
pub struct Losing<S> {
    inner: S,
    each: usize,
    commits: AtomicUsize,
}

impl<S> Losing<S> {
    /// Loses every `each`th commit.
    pub fn new(inner: S, each: usize) -> Self {
        Self { inner, each, commits: AtomicUsize::new(0) }
    }
}

type Committing = Pin<Box<dyn Future<Output = Result<Vec<Outcome>>> + Send>>;

impl<S: Store> Store for Losing<S> {
    fn info(&self) -> StoreInfo {
        self.inner.info()
    }
    fn commit(&self, units: Vec<Unit>) -> impl Future<Output = Result<Vec<Outcome>>> + Send + use<S> {
        let nth = self.commits.fetch_add(1, Ordering::SeqCst) + 1;
        let done: Committing = if nth.is_multiple_of(self.each) {
            Box::pin(std::future::ready(Ok(vec![Outcome::Done(Position::START); units.len()])))
        } else {
            Box::pin(self.inner.commit(units))
        };
        done
    }
    async fn get(&self, scope: Scope, keys: &[Key]) -> Result<Vec<Option<Record>>> {
        self.inner.get(scope, keys).await
    }
    async fn scan(&self, scope: Scope, scan: &Scan, limit: usize) -> Result<Page> {
        self.inner.scan(scope, scan, limit).await
    }
    async fn answer(&self, scope: Scope, plan: &Plan) -> Result<Option<Answer>> {
        self.inner.answer(scope, plan).await
    }
    async fn call(&self, scope: Scope, call: &Call) -> Result<Option<Reply>> {
        self.inner.call(scope, call).await
    }
    async fn purge(&self, scope: Scope, before: Timestamp, limit: usize) -> Result<Purged> {
        self.inner.purge(scope, before, limit).await
    }
    async fn wait(&self, after: Position, at_most: Duration) -> Result<Position> {
        self.inner.wait(after, at_most).await
    }
    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}
