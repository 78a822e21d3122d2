//! How the suite gets the stores it tests.

use std::time::Duration;

use opledger::Store;
use opledger::store::DynStore;

use crate::NoPushdown;

/// One place where a store is; empty when the factory is made.
pub trait Factory: Send + Sync + 'static {
    /// The store under test.
    type Store: Store;

    /// Opens the store. Where it is [persistent](Self::persistent), with all that an earlier opening of
    /// this factory wrote; the suite closes and drops that one first. Panics when it can't.
    fn open(&self) -> Self::Store;

    /// Whether what was written is there again after closing and opening.
    fn persistent(&self) -> bool;

    /// Makes logins and sessions so much older, in a store that times them by a clock of its own. Where the tracker's
    /// clock is used there is nothing to do.
    fn age_logins(&self, _by: Duration) {}
}

/// A store that is made by a function and lasts as long as its value.
#[derive(Debug, Clone, Copy)]
pub struct Fresh<O>(pub O);

impl<S: Store, O: Fn() -> S + Send + Sync + 'static> Factory for Fresh<O> {
    type Store = S;
    fn open(&self) -> S {
        (self.0)()
    }
    fn persistent(&self) -> bool {
        false
    }
}

/// The same store behind `Box<dyn DynStore>`.
#[derive(Debug, Clone, Copy)]
pub struct Boxed<F>(pub F);

impl<F: Factory> Factory for Boxed<F> {
    type Store = Box<dyn DynStore>;
    fn open(&self) -> Self::Store {
        Box::new(self.0.open())
    }
    fn persistent(&self) -> bool {
        self.0.persistent()
    }
    fn age_logins(&self, by: Duration) {
        self.0.age_logins(by);
    }
}

/// The same store without its push-down.
#[derive(Debug, Clone, Copy)]
pub struct WithoutPushdown<F>(pub F);

impl<F: Factory> Factory for WithoutPushdown<F> {
    type Store = NoPushdown<F::Store>;
    fn open(&self) -> Self::Store {
        NoPushdown(self.0.open())
    }
    fn persistent(&self) -> bool {
        self.0.persistent()
    }
    fn age_logins(&self, by: Duration) {
        self.0.age_logins(by);
    }
}
