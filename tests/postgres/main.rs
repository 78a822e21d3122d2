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

use opledger_testkit::{Boxed, WithoutPushdown, cases, run_model};

use crate::runtime::InRuntime;
use crate::support::InDatabase;

opledger_testkit::conformance_tests!(crate::InDatabase::new);

/// A store that was connected in a runtime of tokio works on that runtime, not on a thread of its own. What is around a store is
/// the same for both: it is not put in a box or robbed of its push-down again.
#[test]
fn a_store_that_was_connected_in_a_runtime_conforms() {
    for case in cases::<InRuntime>() {
        eprintln!("{}", case.name);
        (case.run)(InRuntime::new());
    }
}

#[test]
fn histories_agree_with_the_model() {
    run_model(InDatabase::new, 12);
}

#[test]
fn histories_agree_with_the_model_boxed_and_without_pushdown() {
    run_model(|| Boxed(WithoutPushdown(InDatabase::new())), 4);
}
