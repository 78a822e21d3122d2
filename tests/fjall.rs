//! The conformance suite and the model on fjall, with real files.
#![allow(clippy::expect_used)] // helpers of a test are not in a #[test] themselves

use opledger_fjall::{FjallStore, Options};
use opledger_testkit::{Boxed, Factory, WithoutPushdown, run_model};

/// A store in a folder of its own, which goes with it.
struct FjallIn(tempfile::TempDir);

impl FjallIn {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder for a store"))
    }
}

impl Factory for FjallIn {
    type Store = FjallStore;

    fn open(&self) -> FjallStore {
        FjallStore::open(self.0.path(), Options::default()).expect("the store opens")
    }

    fn persistent(&self) -> bool {
        true
    }
}

opledger_testkit::conformance_tests!(crate::FjallIn::new);

#[test]
fn histories_agree_with_the_model() {
    run_model(FjallIn::new, 24);
}

#[test]
fn histories_agree_with_the_model_boxed_and_without_pushdown() {
    run_model(|| Boxed(WithoutPushdown(FjallIn::new())), 8);
}

/// Synced later: versions wait in memory for the engine, and callers make their own groups.
mod buffered {
    use std::time::Duration;

    use opledger_fjall::{Durability, FjallStore, Options};
    use opledger_testkit::{Boxed, Factory, WithoutPushdown, run_model};

    struct Buffered(super::FjallIn);

    impl Buffered {
        fn new() -> Self {
            Self(super::FjallIn::new())
        }
    }

    impl Factory for Buffered {
        type Store = FjallStore;

        fn open(&self) -> FjallStore {
            let durability = Durability::Interval(Duration::from_secs(60));
            FjallStore::open((self.0).0.path(), Options { durability, ..Options::default() }).expect("the store opens")
        }

        fn persistent(&self) -> bool {
            true
        }
    }

    opledger_testkit::conformance_tests!(super::Buffered::new);

    #[test]
    fn histories_agree_with_the_model() {
        run_model(Buffered::new, 24);
        run_model(|| Boxed(WithoutPushdown(Buffered::new())), 8);
    }
}
