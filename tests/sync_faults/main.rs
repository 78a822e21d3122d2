//! Two agents and a server under random faults: at the end every row of every store is compared.
//!
//! `OPLEDGER_SYNC_SEEDS` says how many seeds run in this process (200), `OPLEDGER_SYNC_PROCESS_SEEDS` how many with real
//! processes (6), and `OPLEDGER_SYNC_SEED` which is the first (1). A failure names its seed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of a test are not in a #[test] themselves

mod compare;
mod network;
mod processes;
mod proxy;
#[path = "../postgres/support.rs"]
#[allow(dead_code)] // each test binary uses a part of it
mod support;
mod world;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use opledger_engine_testkit::random::number;

use world::World;

/// Which faults occurred, and how often.
pub(crate) type Counts = BTreeMap<&'static str, usize>;

pub(crate) fn seeds(name: &str, default: u64) -> impl Iterator<Item = u64> {
    let first = number("OPLEDGER_SYNC_SEED", 1);
    first..first.saturating_add(number(name, default))
}

/// Says which seed failed.
pub(crate) fn named<T>(seed: u64, work: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        eprintln!("this was seed {seed}: OPLEDGER_SYNC_SEED={seed} OPLEDGER_SYNC_SEEDS=1 runs it alone");
        resume_unwind(panic)
    })
}

#[test]
fn every_row_is_there_once_after_any_faults() {
    let mut counts = Counts::new();
    let mut count = 0;
    for seed in seeds("OPLEDGER_SYNC_SEEDS", 200) {
        named(seed, || World::new(seed).run(&mut counts));
        count += 1;
    }
    println!("{count} seeds: {counts:?}");
    if count < 100 {
        return;
    }
    // What never occurred was not tested.
    for fault in [
        "an answer was lost",
        "a call was lost",
        "a call came twice",
        "a call came late",
        "the server's disk was full",
        "the server could not be read",
        "the server was restarted",
        "the agent's disk was full",
        "the agent was stopped in a sync",
        "the agent was restarted",
        "the clock jumped ahead",
        "the clock jumped back",
        "somebody else ended an operation",
    ] {
        assert!(counts.get(fault).is_some_and(|count| *count >= 20), "{fault}: {counts:?}");
    }
    assert!(counts["operations"] >= 10_000, "{counts:?}");
    assert!(counts["servers in PostgreSQL"] >= 5 && counts["servers on disk"] >= 10, "{counts:?}");
}
