//! The conformance suite and the model on redb, with real files.
#![allow(clippy::expect_used)] // helpers of a test are not in a #[test] themselves

use opledger_redb::{Options, RedbStore};
use opledger_testkit::{Boxed, Factory, WithoutPushdown, run_model};

/// A store in a folder of its own, which goes with it.
struct RedbIn(tempfile::TempDir);

impl RedbIn {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder for a store"))
    }
}

impl Factory for RedbIn {
    type Store = RedbStore;

    fn open(&self) -> RedbStore {
        RedbStore::open(self.0.path(), Options::default()).expect("the store opens")
    }

    fn persistent(&self) -> bool {
        true
    }
}

opledger_testkit::conformance_tests!(crate::RedbIn::new);

#[test]
fn histories_agree_with_the_model() {
    run_model(RedbIn::new, 24);
}

#[test]
fn histories_agree_with_the_model_boxed_and_without_pushdown() {
    run_model(|| Boxed(WithoutPushdown(RedbIn::new())), 8);
}
