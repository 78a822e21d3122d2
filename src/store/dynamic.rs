//! The object-safe twin of [`Store`], for those who choose a backend at run time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::{Answer, Call, Key, Outcome, Page, Plan, Purged, Record, Reply, Scan, Scope, Store, StoreInfo, Unit};
use crate::error::Result;
use crate::model::Position;
use crate::time::Timestamp;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// [`Store`] with boxed futures. Every store is one, and `Box<dyn DynStore>` and `Arc<dyn DynStore>` are stores.
pub trait DynStore: Send + Sync + 'static {
    /// See [`Store::info`].
    fn dyn_info(&self) -> StoreInfo;
    /// See [`Store::commit`].
    fn dyn_commit(&self, units: Vec<Unit>) -> Boxed<'static, Vec<Outcome>>;
    /// See [`Store::get`].
    fn dyn_get<'a>(&'a self, scope: Scope, keys: &'a [Key]) -> Boxed<'a, Vec<Option<Record>>>;
    /// See [`Store::scan`].
    fn dyn_scan<'a>(&'a self, scope: Scope, scan: &'a Scan, limit: usize) -> Boxed<'a, Page>;
    /// See [`Store::answer`].
    fn dyn_answer<'a>(&'a self, scope: Scope, plan: &'a Plan) -> Boxed<'a, Option<Answer>>;
    /// See [`Store::call`].
    fn dyn_call<'a>(&'a self, scope: Scope, call: &'a Call) -> Boxed<'a, Option<Reply>>;
    /// See [`Store::purge`].
    fn dyn_purge(&self, scope: Scope, before: Timestamp, limit: usize) -> Boxed<'_, Purged>;
    /// See [`Store::wait`].
    fn dyn_wait(&self, after: Position, at_most: Duration) -> Boxed<'_, Position>;
    /// See [`Store::close`].
    fn dyn_close(&self) -> Boxed<'_, ()>;
}

impl<S: Store> DynStore for S {
    fn dyn_info(&self) -> StoreInfo {
        self.info()
    }
    fn dyn_commit(&self, units: Vec<Unit>) -> Boxed<'static, Vec<Outcome>> {
        Box::pin(self.commit(units))
    }
    fn dyn_get<'a>(&'a self, scope: Scope, keys: &'a [Key]) -> Boxed<'a, Vec<Option<Record>>> {
        Box::pin(self.get(scope, keys))
    }
    fn dyn_scan<'a>(&'a self, scope: Scope, scan: &'a Scan, limit: usize) -> Boxed<'a, Page> {
        Box::pin(self.scan(scope, scan, limit))
    }
    fn dyn_answer<'a>(&'a self, scope: Scope, plan: &'a Plan) -> Boxed<'a, Option<Answer>> {
        Box::pin(self.answer(scope, plan))
    }
    fn dyn_call<'a>(&'a self, scope: Scope, call: &'a Call) -> Boxed<'a, Option<Reply>> {
        Box::pin(self.call(scope, call))
    }
    fn dyn_purge(&self, scope: Scope, before: Timestamp, limit: usize) -> Boxed<'_, Purged> {
        Box::pin(self.purge(scope, before, limit))
    }
    fn dyn_wait(&self, after: Position, at_most: Duration) -> Boxed<'_, Position> {
        Box::pin(self.wait(after, at_most))
    }
    fn dyn_close(&self) -> Boxed<'_, ()> {
        Box::pin(self.close())
    }
}

// A pointer to a store is a store.
macro_rules! store_behind_pointer {
    ($pointer:ty) => {
        impl Store for $pointer {
            fn info(&self) -> StoreInfo {
                (**self).dyn_info()
            }
            fn commit(&self, units: Vec<Unit>) -> impl Future<Output = Result<Vec<Outcome>>> + Send + use<> {
                (**self).dyn_commit(units)
            }
            async fn get(&self, scope: Scope, keys: &[Key]) -> Result<Vec<Option<Record>>> {
                (**self).dyn_get(scope, keys).await
            }
            async fn scan(&self, scope: Scope, scan: &Scan, limit: usize) -> Result<Page> {
                (**self).dyn_scan(scope, scan, limit).await
            }
            async fn answer(&self, scope: Scope, plan: &Plan) -> Result<Option<Answer>> {
                (**self).dyn_answer(scope, plan).await
            }
            async fn call(&self, scope: Scope, call: &Call) -> Result<Option<Reply>> {
                (**self).dyn_call(scope, call).await
            }
            async fn purge(&self, scope: Scope, before: Timestamp, limit: usize) -> Result<Purged> {
                (**self).dyn_purge(scope, before, limit).await
            }
            async fn wait(&self, after: Position, at_most: Duration) -> Result<Position> {
                (**self).dyn_wait(after, at_most).await
            }
            async fn close(&self) -> Result<()> {
                (**self).dyn_close().await
            }
        }
    };
}

store_behind_pointer!(Box<dyn DynStore>);
store_behind_pointer!(Arc<dyn DynStore>);
