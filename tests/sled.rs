//! The conformance suite and the model on sled, with real files.
#![allow(clippy::expect_used)] // helpers of a test are not in a #[test] themselves

use opledger_sled::{Options, SledStore};
use opledger_testkit::{Boxed, Factory, WithoutPushdown, run_model};

/// A store in a folder of its own, which goes with it.
struct SledIn(tempfile::TempDir);

impl SledIn {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder for a store"))
    }
}

impl Factory for SledIn {
    type Store = SledStore;

    fn open(&self) -> SledStore {
        SledStore::open(self.0.path(), Options::default()).expect("the store opens")
    }

    fn persistent(&self) -> bool {
        true
    }
}

opledger_testkit::conformance_tests!(crate::SledIn::new);

#[test]
fn histories_agree_with_the_model() {
    run_model(SledIn::new, 24);
}

#[test]
fn histories_agree_with_the_model_boxed_and_without_pushdown() {
    run_model(|| Boxed(WithoutPushdown(SledIn::new())), 8);
}
