//! Random histories, compared with a plain model.

use opledger_memory::MemoryStore;
use opledger_testkit::{Boxed, Fresh, WithoutPushdown, run_model};

#[test]
fn keeps_to_the_model() {
    run_model(|| Fresh(MemoryStore::new), 128);
}

#[test]
fn keeps_to_the_model_behind_wrappers() {
    run_model(|| Boxed(WithoutPushdown(Fresh(MemoryStore::new))), 16);
}
