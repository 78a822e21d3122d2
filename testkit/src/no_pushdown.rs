//! A store that answers no plan, so that the core computes every report by scans.

use std::time::Duration;

use opledger::store::{
    Answer, Call, Key, Outcome, Page, Plan, Purged, Record, Reply, Scan, Scope, Store, StoreInfo, Unit,
};
use opledger::{Position, Result, Timestamp};

/// The same store, asked for records only.
#[derive(Debug, Clone)]
pub struct NoPushdown<S>(pub S);

impl<S: Store> Store for NoPushdown<S> {
    fn info(&self) -> StoreInfo {
        self.0.info()
    }
    fn commit(&self, units: Vec<Unit>) -> impl Future<Output = Result<Vec<Outcome>>> + Send + use<S> {
        self.0.commit(units)
    }
    async fn get(&self, scope: Scope, keys: &[Key]) -> Result<Vec<Option<Record>>> {
        self.0.get(scope, keys).await
    }
    async fn scan(&self, scope: Scope, scan: &Scan, limit: usize) -> Result<Page> {
        self.0.scan(scope, scan, limit).await
    }
    async fn answer(&self, scope: Scope, plan: &Plan) -> Result<Option<Answer>> {
        // Asked all the same, for its errors: a closed store says so.
        self.0.answer(scope, plan).await.map(|_| None)
    }
    async fn call(&self, scope: Scope, call: &Call) -> Result<Option<Reply>> {
        // Not a question but a change, which only the store's own way can make where it answers with one.
        self.0.call(scope, call).await
    }
    async fn purge(&self, scope: Scope, before: Timestamp, limit: usize) -> Result<Purged> {
        self.0.purge(scope, before, limit).await
    }
    async fn wait(&self, after: Position, at_most: Duration) -> Result<Position> {
        self.0.wait(after, at_most).await
    }
    async fn close(&self) -> Result<()> {
        self.0.close().await
    }
}
