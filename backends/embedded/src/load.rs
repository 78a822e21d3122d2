//! What a store reads before it begins: its identity, its names, the end of its log, and what the stored counters do
//! not count yet.

use std::ops::ControlFlow;

use opledger::Status;
use opledger::model::UnitId;
use opledger::store::Damage;
use opledger::{Clock, SystemClock};

use crate::codec::{self, CountedRow, GroupRow, MetaRow};
use crate::counters::{Counted, Counters, Staged};
use crate::engine::{Engine, EngineError, EngineResult};
use crate::keys::{self, Step, VersionKey};
use crate::shared::Names;
use crate::stored;
use crate::transaction::LogEnd;

/// What the engine holds beside the records.
pub(crate) struct Loaded {
    pub(crate) meta: MetaRow,
    /// The store was there before.
    pub(crate) is_stored: bool,
    pub(crate) end: LogEnd,
    pub(crate) names: Names,
    pub(crate) counters: Counters,
    pub(crate) damaged: Vec<Damage>,
}

/// Reads what a store needs to begin.
pub(crate) fn load<E: Engine>(engine: &E) -> EngineResult<Loaded> {
    let (names, mut damaged) = Names::load(engine)?;
    let meta = match engine.get(keys::META)? {
        Some(bytes) => Some(
            codec::decode::<MetaRow>(keys::META, &bytes)
                .map_err(|damage| EngineError::Corrupt(format!("{}: {}", damage.record, damage.reason)))?,
        ),
        None => None,
    };
    let is_stored = meta.is_some();
    let (first, _) = keys::kind(b'a');
    let (last, _) = keys::kind(b'z');
    let mut is_empty = true;
    engine.range(&first, &last, false, &mut |_, _| {
        is_empty = false;
        ControlFlow::Break(())
    })?;
    if !is_stored && !is_empty {
        damaged.push(Damage::new("store record", "it was missing; the store has a new identity"));
    }
    let meta = match meta {
        Some(meta) => meta,
        None => MetaRow {
            store_id: UnitId::random().map_err(|error| EngineError::Corrupt(error.to_string()))?.0,
            created: SystemClock.now(),
            epochs: vec![1],
        },
    };
    let counters = Counters::default();
    let counted = match engine.get(keys::COUNTED)? {
        Some(bytes) => codec::decode::<CountedRow>(keys::COUNTED, &bytes).unwrap_or_else(|damage| {
            damaged.push(damage);
            // Nothing says what the counters count: they are left as they are, and verify tells.
            CountedRow { place: u64::MAX }
        }),
        None => CountedRow::default(),
    };
    let last = last_place(engine, &mut damaged)?;
    let counted = counted.place.min(last);
    count_rest(engine, counted, &counters, &mut damaged)?;
    let operations = operations(engine, &names, &counters)?;
    // A loss that was accepted left places that hold nothing.
    let last = last.max(meta.epochs.last().map_or(0, |first| first.saturating_sub(1)));
    let end = LogEnd { last, operations, counted };
    Ok(Loaded { meta, is_stored, end, names, counters, damaged })
}

/// The last place of the log: from its last group, or from the versions where that is damaged.
fn last_place<E: Engine>(engine: &E, damaged: &mut Vec<Damage>) -> EngineResult<u64> {
    let (from, to) = keys::kind(b'l');
    let mut last = Ok(0);
    engine.range(&from, &to, true, &mut |key, value| {
        last = codec::decode::<GroupRow>(key, value).map(|group| {
            let length = u64::try_from(group.entries.len()).unwrap_or(0);
            keys::parse_group(key).unwrap_or(0).saturating_add(length).saturating_sub(1)
        });
        ControlFlow::Break(())
    })?;
    let damage = match last {
        Ok(last) => return Ok(last),
        Err(damage) => damage,
    };
    damaged.push(damage);
    let (from, to) = keys::kind(b'v');
    let mut last = 0;
    let mut failed = None;
    engine.range(&from, &to, false, &mut |key, value| {
        let Some(key) = keys::parse_version(key) else { return ControlFlow::Continue(()) };
        last = last.max(key.first);
        if key.number > 0 {
            match stored::join::<E, codec::NextRow>(engine, key, value) {
                Ok(Ok(row)) => last = last.max(row.place(key.first)),
                Ok(Err(_)) => {}
                Err(error) => {
                    failed = Some(error);
                    return ControlFlow::Break(());
                }
            }
        }
        ControlFlow::Continue(())
    })?;
    failed.map_or(Ok(last), Err)
}

/// Counts the versions behind the place up to which the stored counters count.
fn count_rest<E: Engine>(engine: &E, counted: u64, counters: &Counters, damaged: &mut Vec<Damage>) -> EngineResult<()> {
    let mut rest: Vec<VersionKey> = Vec::new();
    stored::log(engine, counted.saturating_add(1), &mut |entry| {
        // A damaged group is named by whoever reads the log.
        rest.extend(entry.map(|(_, key)| key));
        ControlFlow::Continue(())
    })?;
    let mut staged = counters.begin();
    for key in rest {
        match count(engine, key, counters, &mut staged)? {
            Ok(()) => {}
            Err(damage) => damaged.push(damage),
        }
    }
    counters.commit(staged);
    Ok(())
}

fn count<E: Engine>(engine: &E, key: VersionKey, counters: &Counters, staged: &mut Staged) -> stored::Read<()> {
    let first = match stored::first(engine, key.first)? {
        Ok(Some(first)) => first,
        Ok(None) => return Ok(Ok(())),
        Err(damage) => return Ok(Err(damage)),
    };
    let counted = Counted { tenant: first.tenant, script_type: first.script_type, started: first.execution_timestamp };
    let (status, duration_ms) = if key.number == 0 {
        staged.started((counters, engine), counted)?;
        (first.status(), first.duration_ms)
    } else {
        match stored::next(engine, key)? {
            Ok(Some(next)) => (next.status(), next.duration_ms),
            Ok(None) => (Status::Running, None),
            Err(damage) => return Ok(Err(damage)),
        }
    };
    // Only the version that ends an operation is finished.
    if status.is_finished() {
        staged.finished((counters, engine), counted, status, duration_ms)?;
    }
    Ok(Ok(()))
}

fn operations<E: Engine>(engine: &E, names: &Names, counters: &Counters) -> EngineResult<u64> {
    let mut operations = 0;
    for tenant in std::iter::once(0).chain(names.tenants.values().copied()) {
        counters.visit(engine, (tenant, Step::Total), (0, 1), &mut |_, counter| {
            operations += counter.tally.operations;
        })?;
    }
    Ok(operations)
}
