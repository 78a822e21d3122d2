//! Counters by tenant, type and step of execution_timestamp.
//!
//! They live in memory, where the committer changes them with each group and reports read them, and are stored now and
//! then: as absolute values, in one batch with the place up to which they count. What follows that place is counted
//! again when the store is opened, so that counters and versions always agree.

mod staged;
mod table;

use std::sync::{Mutex, MutexGuard, PoisonError};

use opledger::Timestamp;
use opledger::report::Tally;
use opledger::store::Damage;

pub(crate) use staged::{Counted, Staged};
use table::Table;

use crate::codec::CounterRow;
use crate::engine::{Engine, EngineResult};
use crate::keys::{CounterKey, Step};

/// One counter.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Counter {
    pub(crate) tally: Tally,
    /// The longest duration was removed, and nobody has looked for the next one.
    pub(crate) max_is_gone: bool,
    /// Its record can't be read: it counts nothing, and is not written again.
    pub(crate) damage: Option<Damage>,
}

impl Counter {
    pub(crate) fn row(&self) -> Option<CounterRow> {
        (self.tally.operations > 0).then(|| CounterRow::new(&self.tally, self.max_is_gone))
    }
}

/// Buckets of a tenant and step: those that begin in `[from, to)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) tenant: u32,
    pub(crate) step: Step,
    pub(crate) from: i64,
    pub(crate) to: i64,
}

/// What is called for each counter of a window.
pub(crate) type VisitCounter<'a> = dyn FnMut(CounterKey, &Counter) + 'a;

/// All counters: those in memory, and behind them those in the engine.
#[derive(Debug, Default)]
pub(crate) struct Counters(Mutex<Table>);

impl Counters {
    /// The counter, to be changed and handed back by [`commit`](Self::commit).
    fn get<E: Engine>(&self, engine: &E, key: CounterKey) -> EngineResult<Counter> {
        self.table().pin(engine, key)
    }

    /// Begins a group of changes.
    pub(crate) fn begin(&self) -> Staged {
        self.table().unpin();
        Staged::default()
    }

    /// Takes over what a group changed, once the group is in the engine.
    pub(crate) fn commit(&self, staged: Staged) {
        let mut table = self.table();
        for (key, counter) in staged.into_counters() {
            table.put(key, counter);
        }
    }

    /// The keys and records of all counters that are not stored as they are, with those of `staged`; no record where
    /// nothing is left to count.
    pub(crate) fn to_store(&self, staged: &Staged) -> Vec<(CounterKey, Option<CounterRow>)> {
        let table = self.table();
        let changed = table.changed().filter(|(key, _)| staged.get(key).is_none());
        changed.chain(staged.iter()).filter(|(_, c)| c.damage.is_none()).map(|(key, c)| (key, c.row())).collect()
    }

    /// Notes that all counters are stored as they are.
    pub(crate) fn stored(&self) {
        self.table().clean();
    }

    /// Begins anew, with what `counted` counted.
    pub(crate) fn replace(&self, counted: Self) {
        *self.table() = counted.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    }

    /// Visits the counters of a window, and keeps them at hand.
    pub(crate) fn visit<E: Engine>(
        &self,
        engine: &E,
        window: Window,
        visit: &mut VisitCounter<'_>,
    ) -> EngineResult<()> {
        self.table().visit(engine, window, visit)
    }

    /// Visits the same in one pass, and keeps nothing of it: for who looks at all of them.
    pub(crate) fn pass<E: Engine>(&self, engine: &E, window: Window, visit: &mut VisitCounter<'_>) -> EngineResult<()> {
        self.table().pass(engine, window, visit)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The counters that an operation is counted in.
pub(crate) fn keys_of(tenant: u32, script_type: u32, started: Timestamp) -> [CounterKey; 4] {
    Step::ALL.map(|step| CounterKey { tenant, step, bucket: step.bucket(started), script_type })
}
