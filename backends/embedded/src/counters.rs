//! Counters by tenant, type and step of execution_timestamp. The committer owns them in memory and writes
//! absolute values in the same batch as the versions they count.

use std::collections::{BTreeSet, HashMap};

use opledger::report::Tally;
use opledger::store::Damage;
use opledger::{Status, Timestamp};

use crate::codec::{self, CounterRow};
use crate::engine::Engine;
use crate::keys::{self, CounterKey, Step};

/// Counters kept in memory; the rest is read again when it is needed.
const KEPT: usize = 4096;

#[derive(Debug, Default, Clone)]
struct Counter {
    tally: Tally,
    max_is_gone: bool,
}

/// The counters that the committer has at hand.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    known: HashMap<CounterKey, Counter>,
    changed: BTreeSet<CounterKey>,
}

impl Counters {
    /// Reads the counters of an operation, so that counting it can't fail half way.
    pub(crate) fn prepare<E: Engine>(
        &mut self,
        engine: &E,
        tenant: u32,
        script_type: u32,
        started: Timestamp,
    ) -> Result<(), Damage> {
        if self.known.len() > KEPT && self.changed.is_empty() {
            self.known.clear();
        }
        for key in keys_of(tenant, script_type, started) {
            if self.known.contains_key(&key) {
                continue;
            }
            let stored = keys::counter(key);
            let value = engine.get(&stored).map_err(|error| Damage::new(keys::describe(&stored), error.to_string()))?;
            let counter = match value {
                Some(bytes) => {
                    let row: CounterRow = codec::decode(&stored, &bytes)?;
                    Counter { max_is_gone: row.max_is_gone, tally: row.tally() }
                }
                None => Counter::default(),
            };
            self.known.insert(key, counter);
        }
        Ok(())
    }

    /// Counts a new operation.
    pub(crate) fn started(&mut self, tenant: u32, script_type: u32, started: Timestamp) {
        self.change(tenant, script_type, started, |counter, _| counter.tally.operations += 1);
    }

    /// Counts the end of an operation that is counted as started.
    pub(crate) fn finished(
        &mut self,
        tenant: u32,
        script_type: u32,
        started: Timestamp,
        status: Status,
        ms: Option<i32>,
    ) {
        self.change(tenant, script_type, started, |counter, step| {
            counter.tally.count(status, ms.filter(|_| step != Step::Total));
            counter.tally.operations -= 1;
        });
    }

    /// Takes a finished operation back.
    pub(crate) fn removed(
        &mut self,
        tenant: u32,
        script_type: u32,
        started: Timestamp,
        status: Status,
        ms: Option<i32>,
    ) {
        self.change(tenant, script_type, started, |counter, step| {
            let tally = &mut counter.tally;
            tally.operations = tally.operations.saturating_sub(1);
            match status {
                Status::Running => {}
                Status::Completed => tally.completed = tally.completed.saturating_sub(1),
                Status::Failed => tally.failed = tally.failed.saturating_sub(1),
            }
            let Some(ms) = ms.filter(|_| step != Step::Total) else { return };
            tally.timed = tally.timed.saturating_sub(1);
            tally.duration_sum = tally.duration_sum.saturating_sub(u64::try_from(ms).unwrap_or(0));
            tally.durations.remove(ms);
            if tally.timed == 0 {
                tally.duration_max = None;
                counter.max_is_gone = false;
            } else if tally.duration_max == Some(ms) {
                counter.max_is_gone = true;
            }
        });
    }

    fn change(&mut self, tenant: u32, script_type: u32, started: Timestamp, apply: impl Fn(&mut Counter, Step)) {
        for key in keys_of(tenant, script_type, started) {
            apply(self.known.entry(key).or_default(), key.step);
            self.changed.insert(key);
        }
    }

    /// The counters that changed since the last time, to be written.
    pub(crate) fn take_changed(&mut self) -> Vec<(CounterKey, CounterRow)> {
        std::mem::take(&mut self.changed)
            .into_iter()
            .filter_map(|key| {
                self.known.get(&key).map(|counter| (key, CounterRow::new(&counter.tally, counter.max_is_gone)))
            })
            .collect()
    }

    /// Forgets everything: after a failed batch, memory is ahead of the disk.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }
}

/// The counters that an operation is counted in.
pub(crate) fn keys_of(tenant: u32, script_type: u32, started: Timestamp) -> [CounterKey; 4] {
    Step::ALL.map(|step| CounterKey { tenant, step, bucket: step.bucket(started), script_type })
}
