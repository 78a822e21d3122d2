//! Stores with a month of operations, written in large batches.

use opledger::store::{Outcome, Unit};
use opledger::{Store, Timestamp};
use pollster::block_on;

use crate::content;
use crate::sqlite::Sqlite;

/// Operations in one batch.
const BATCH: u64 = 512;
const MONTH: i64 = 30 * 86_400 * 1_000_000;

/// Hands `count` operations out in batches, oldest first, spread over the 30 days before `now`. One of 1,000 goes on.
fn batches(count: u64, now: Timestamp, mut take: impl FnMut(Vec<Unit>)) {
    let step = MONTH / i64::try_from(count.max(1)).unwrap_or(i64::MAX);
    let mut at = now.days_before(30);
    let mut units = Vec::new();
    for n in 0..count {
        let (start, operation) = content::start(n, at);
        units.push(start);
        if n % 1000 != 999 {
            units.push(content::finish(n, &operation));
        }
        if n % BATCH == BATCH - 1 {
            take(std::mem::take(&mut units));
        }
        at = Timestamp::from_micros(at.as_micros() + step);
    }
    take(units);
}

/// Fills a store.
pub fn store(store: &impl Store, count: u64, now: Timestamp) {
    batches(count, now, |units| {
        let outcomes = block_on(store.commit(units)).unwrap();
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Done(_))), "a unit was not carried out");
    });
}

/// Fills the SQLite ledger.
pub fn sqlite(ledger: &Sqlite, count: u64, now: Timestamp) {
    batches(count, now, |units| ledger.commit(&units));
}
