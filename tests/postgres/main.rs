//! The conformance suite and the model on a real PostgreSQL.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of a test are not in a #[test] themselves

mod activity;
mod carried_users;
mod faults;
mod out_of_order;
mod proxy;
mod rights;
mod runtime;
mod support;
mod tls;

use opledger_testkit::{Boxed, WithoutPushdown, run_model};

use crate::runtime::InRuntime;
use crate::support::InDatabase;

// Each case is run on a store on a thread of its own, and on one that was connected in a runtime of tokio and works there.
opledger_testkit::conformance_tests!(crate::InDatabase::new, boxed: crate::InRuntime::new);

#[test]
fn histories_agree_with_the_model() {
    run_model(InDatabase::new, 12);
}

#[test]
fn histories_agree_with_the_model_boxed_and_without_pushdown() {
    run_model(|| Boxed(WithoutPushdown(InDatabase::new())), 4);
}
