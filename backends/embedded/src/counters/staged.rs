//! What a group changes in the counters, before it is in the engine.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use opledger::{Status, Timestamp};

use super::{Counter, Counters, keys_of};
use crate::engine::{Engine, EngineResult};
use crate::keys::{CounterKey, Step};

/// The changed counters, as they will be.
#[derive(Debug, Default)]
pub(crate) struct Staged(HashMap<CounterKey, Counter>);

/// An operation as it is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    pub(crate) tenant: u32,
    pub(crate) script_type: u32,
    pub(crate) started: Timestamp,
}

impl Staged {
    /// Counts a new operation.
    pub(crate) fn started<E: Engine>(&mut self, from: (&Counters, &E), operation: Counted) -> EngineResult<()> {
        self.change(from, operation, |counter, _| counter.tally.operations += 1)
    }

    /// Counts the end of an operation that is counted as started.
    pub(crate) fn finished<E: Engine>(
        &mut self,
        from: (&Counters, &E),
        operation: Counted,
        status: Status,
        ms: Option<i32>,
    ) -> EngineResult<()> {
        self.change(from, operation, |counter, step| {
            counter.tally.count(status, ms.filter(|_| step != Step::Total));
            counter.tally.operations = counter.tally.operations.saturating_sub(1);
        })
    }

    /// Takes a finished operation back.
    pub(crate) fn removed<E: Engine>(
        &mut self,
        from: (&Counters, &E),
        operation: Counted,
        status: Status,
        ms: Option<i32>,
    ) -> EngineResult<()> {
        self.change(from, operation, |counter, step| {
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
        })
    }

    fn change<E: Engine>(
        &mut self,
        (counters, engine): (&Counters, &E),
        operation: Counted,
        apply: impl Fn(&mut Counter, Step),
    ) -> EngineResult<()> {
        let keys = keys_of(operation.tenant, operation.script_type, operation.started);
        for key in keys {
            if let Entry::Vacant(entry) = self.0.entry(key) {
                entry.insert(counters.get(engine, key)?);
            }
        }
        for key in keys {
            if let Some(counter) = self.0.get_mut(&key).filter(|counter| counter.damage.is_none()) {
                apply(counter, key.step);
            }
        }
        Ok(())
    }

    pub(super) fn get(&self, key: &CounterKey) -> Option<&Counter> {
        self.0.get(key)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (CounterKey, &Counter)> {
        self.0.iter().map(|(key, counter)| (*key, counter))
    }

    pub(super) fn into_counters(self) -> impl Iterator<Item = (CounterKey, Counter)> {
        self.0.into_iter()
    }
}
