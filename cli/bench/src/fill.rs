//! Ledgers with a month of operations, written in large batches.

use opledger::store::Unit;
use opledger::{Result, Timestamp};

use crate::content;
use crate::ledger::Ledger;

/// Operations in one batch.
const BATCH: u64 = 512;
/// The days over which the operations are spread.
pub const DAYS: u32 = 30;
const MONTH: i64 = DAYS as i64 * 86_400 * 1_000_000;

/// Whether the `n`th operation of a filled ledger goes on: one of 1,000.
#[must_use]
pub fn goes_on(n: u64) -> bool {
    n % 1000 == 999
}

/// Writes `count` operations, oldest first, spread over the [`DAYS`] before `now`.
///
/// # Errors
/// Gives the ledger's error; batches already written stay.
pub fn fill(ledger: &dyn Ledger, count: u64, now: Timestamp) -> Result<()> {
    let step = MONTH / i64::try_from(count.max(1)).unwrap_or(i64::MAX);
    let mut at = now.days_before(DAYS);
    let mut units: Vec<Unit> = Vec::new();
    for n in 0..count {
        let (start, operation) = content::start(n, at)?;
        units.push(start);
        if !goes_on(n) {
            units.push(content::finish(n, &operation)?);
        }
        if n % BATCH == BATCH - 1 {
            ledger.write(std::mem::take(&mut units))?;
        }
        at = Timestamp::from_micros(at.as_micros() + step);
    }
    ledger.write(units)
}
