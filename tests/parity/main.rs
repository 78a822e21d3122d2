//! One truth in Rust and SQL: histories from a seed, written once through SQL and once through `Store::commit`, have the same
//! keys and hashes, and every report has the same rows, whoever computes it.
//!
//! `OPLEDGER_PARITY_HISTORIES` says how many (32); `OPLEDGER_PARITY_SEED` where they begin, to see one again.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of a test are not in a #[test] themselves

mod by_rust;
mod by_sql;
mod dice;
mod history;
mod reports;
#[path = "../postgres/support.rs"]
mod support;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use opledger::store::{DynStore, Scope};
use opledger::{Hash, Store, Timestamp, Tracker};
use opledger_memory::MemoryStore;
use opledger_sled::{Options, SledStore};
use opledger_testkit::{Factory, NoPushdown};
use pollster::block_on;
use postgres::Client;

use crate::by_sql::{Written, choose};
use crate::history::{History, history, tenants};
use crate::reports::Reports;
use crate::support::InDatabase;

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable)
        .map_or(otherwise, |value| value.parse().unwrap_or_else(|_| panic!("{variable} is no number: {value}")))
}

/// Two halves, so that a machine's processors share them.
#[test]
fn even_seeds_agree() {
    agree(0);
}

#[test]
fn odd_seeds_agree() {
    agree(1);
}

fn agree(half: u64) {
    let (first, count) = (number("OPLEDGER_PARITY_SEED", 0), number("OPLEDGER_PARITY_HISTORIES", 32));
    for seed in (first..first + count).filter(|seed| seed % 2 == half) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| compare(&history(seed)))) {
            eprintln!("see it again: OPLEDGER_PARITY_SEED={seed} OPLEDGER_PARITY_HISTORIES=1");
            resume_unwind(panic);
        }
    }
}

fn compare(history: &History) {
    let (there, here) = (InDatabase::new(), InDatabase::new());
    let mut owner = there.database().connect().unwrap();
    let mut writer = there.database().connect_as("trusted").unwrap();
    let written = by_sql::write(&mut writer, &mut owner, &history.runs);
    let units = by_rust::units(&history.runs, &written);
    let memory: Shared = Arc::new(MemoryStore::new());
    let folder = tempfile::tempdir().unwrap();
    let sled: Shared = Arc::new(SledStore::open(folder.path(), Options::default()).unwrap());
    let postgres: Shared = Arc::new(here.open());
    by_rust::write(&memory, &units);
    by_rust::write(&sled, &units);
    by_rust::write(&postgres, &units);
    let beside: Shared = Arc::new(there.open());

    let expected = versions(&beside, &written);
    assert_eq!(expected.len(), units.len());
    for (mine, unit) in expected.iter().zip(in_order(&units, &written)) {
        assert_eq!((mine.0, mine.3), unit, "key and hash_diff by Rust and by SQL");
    }
    assert_eq!(versions(&memory, &written), expected, "versions in memory");
    assert_eq!(versions(&sled, &written), expected, "versions in sled");
    assert_eq!(versions(&postgres, &written), expected, "versions in PostgreSQL by Rust");

    let mut sessions = [&there, &here].map(|place| {
        let database = place.database();
        [database.connect_as("trusted").unwrap(), database.connect_as("admin").unwrap()]
    });
    for at in &history.instants {
        for scope in [Scope::System, Scope::Tenant(tenants()[0]), Scope::Tenant(tenants()[1]), Scope::All] {
            let [first, second] = &mut sessions;
            let expected = in_sql(first, scope, *at);
            let same = |who: &str, reports: Reports, expected: &Reports| same(who, scope, *at, reports, expected);
            same("SQL on rows by Rust", in_sql(second, scope, *at), &expected);
            // What only a PostgreSQL has to say.
            let mut embedded = expected.clone();
            for (_, rows) in embedded.iter_mut().filter(|(name, _)| *name == "health") {
                rows.retain(|row| !matches!(row[0].as_deref(), Some("CAPTURE" | "LOG")));
            }
            for (who, store) in [("rows by Rust", &postgres), ("rows by SQL", &beside)] {
                same(&format!("Rust with push-down on {who}"), reports::by_rust(store.clone(), scope, *at), &expected);
                same(
                    &format!("Rust without on {who}"),
                    reports::by_rust(NoPushdown(store.clone()), scope, *at),
                    &embedded,
                );
            }
            same("memory", reports::by_rust(memory.clone(), scope, *at), &embedded);
            same("memory without push-down", reports::by_rust(NoPushdown(memory.clone()), scope, *at), &embedded);
            same("sled", reports::by_rust(sled.clone(), scope, *at), &embedded);
            same("sled without push-down", reports::by_rust(NoPushdown(sled.clone()), scope, *at), &embedded);
        }
    }
    for store in [postgres, beside, sled] {
        block_on(store.close()).unwrap();
    }
}

/// Keys and hashes as Rust makes them, operation by operation.
fn in_order(units: &[opledger::store::Unit], written: &[Written]) -> Vec<(Hash, Hash)> {
    use opledger::store::Change;
    let of = |key: Hash| {
        units.iter().filter_map(move |unit| match &unit.change {
            Change::Start { hub, first } if hub.script_execution_hk == key => Some((key, first.hash_diff)),
            Change::Append { operation, next, .. } if *operation == key => Some((key, next.hash_diff)),
            _ => None,
        })
    };
    written.iter().flat_map(|written| of(written.key)).collect()
}

type Shared = Arc<dyn DynStore>;

type Known = (Hash, Timestamp, Option<Timestamp>, Hash, opledger::Attributes, String);

/// All versions of the operations, but for what is each store's own.
fn versions(store: &Shared, written: &[Written]) -> Vec<Known> {
    let tracker = Tracker::new(Arc::clone(store)).for_all();
    let mut all = Vec::new();
    for written in written {
        let operation = block_on(tracker.operation(written.key)).unwrap().expect("each operation is found");
        assert_eq!(operation.hub.script_execution_bk, written.business_key);
        let versions = block_on(tracker.versions(written.key)).unwrap();
        assert!(versions.damaged.is_empty(), "{:?}", versions.damaged);
        all.extend(versions.into_iter().map(|v| {
            (v.script_execution_hk, v.load_date, v.load_end_date, v.hash_diff, v.attributes, v.record_source)
        }));
    }
    all
}

/// The reports of SQL: a session that may choose sees one tenant's rows, an admin all.
fn in_sql([trusted, admin]: &mut [Client; 2], scope: Scope, at: Timestamp) -> Reports {
    if scope == Scope::All {
        return reports::by_sql(admin, at);
    }
    choose(trusted, scope.tenant());
    reports::by_sql(trusted, at)
}

fn same(who: &str, scope: Scope, at: Timestamp, reports: Reports, expected: &Reports) {
    assert_eq!(reports.len(), expected.len());
    for ((name, rows), (_, wanted)) in reports.iter().zip(expected) {
        for (row, wanted) in rows.iter().zip(wanted) {
            assert_eq!(row, wanted, "{name} of {scope:?} at {at} by {who}, beside SQL's");
        }
        assert_eq!(rows.len(), wanted.len(), "rows of {name} of {scope:?} at {at} by {who}, beside SQL's");
    }
}
