//! What a store reads before it begins: its identity, its names, the end of its log, and what follows from the log and is
//! not stored yet.

use std::ops::ControlFlow;

use opledger::Status;
use opledger::model::UnitId;
use opledger::store::Damage;
use opledger::{Clock, SystemClock};

use crate::block;
use crate::block_cache::BlockCache;
use crate::codec::{self, CountedRow, FirstRow, HubRow, IndexRow, MetaRow, Row};
use crate::counters::{Counted, Counters, Staged, Window};
use crate::engine::{Engine, EngineError, EngineResult};
use crate::keys::{self, Step};
use crate::pending::{Edit, Pending};
use crate::shared::Names;
use crate::transaction::LogEnd;

/// What the engine holds beside the records.
pub(crate) struct Loaded {
    pub(crate) meta: MetaRow,
    /// The store was there before.
    pub(crate) is_stored: bool,
    pub(crate) end: LogEnd,
    pub(crate) names: Names,
    pub(crate) counters: Counters,
    pub(crate) pending: Pending,
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
    let (last, damage) = block::last_place(engine)?;
    damaged.extend(damage);
    let settled = counted.place.min(last);
    let mut pending = Pending::default();
    settle_rest(engine, settled, (&counters, &mut pending), &mut damaged)?;
    let operations = operations(engine, &names, &counters)?;
    // A loss that was accepted left places that hold nothing.
    let last = last.max(meta.epochs.last().map_or(0, |first| first.saturating_sub(1)));
    let end = LogEnd { last, operations, settled };
    Ok(Loaded { meta, is_stored, end, names, counters, pending, damaged })
}

/// Makes what follows from the versions behind the place up to which indexes and counters are stored.
fn settle_rest<E: Engine>(
    engine: &E,
    settled: u64,
    (counters, pending): (&Counters, &mut Pending),
    damaged: &mut Vec<Damage>,
) -> EngineResult<()> {
    let mut rest: Vec<(u64, Row)> = Vec::new();
    block::log(engine, settled.saturating_add(1), &mut |place, row| {
        match row {
            Ok(row) => rest.push((place, row)),
            Err(damage) => damaged.push(damage),
        }
        ControlFlow::Continue(())
    })?;
    let (mut staged, blocks) = (counters.begin(), BlockCache::default());
    for (place, row) in rest {
        let settled = match row {
            Row::First(row) => settle_first(engine, place, *row, counters, (&mut staged, pending))?,
            Row::Next(row) => match blocks.first(engine, row.first(place))? {
                Ok(Some(first)) => {
                    let next = (row.first(place), row.status(), row.duration_ms);
                    settle_next(engine, place, first, next, counters, (&mut staged, pending))?
                }
                Ok(None) => Err(Damage::new(keys::version_name(row.first(place)), "it is missing")),
                Err(damage) => Err(damage),
            },
        };
        damaged.extend(settled.err());
    }
    counters.commit(staged);
    Ok(())
}

fn settle_first<E: Engine>(
    engine: &E,
    place: u64,
    row: FirstRow,
    counters: &Counters,
    (staged, pending): (&mut Staged, &mut Pending),
) -> block::Read<()> {
    let counted = Counted { tenant: row.tenant, script_type: row.script_type, started: row.execution_timestamp };
    let (status, duration_ms) = (row.status(), row.duration_ms);
    staged.started((counters, engine), counted)?;
    // Only the version that ends an operation is finished.
    if status.is_finished() {
        staged.finished((counters, engine), counted, status, duration_ms)?;
    }
    let hk = row.hash_key();
    let entries = codec::encode(&HubRow::new(place, place))
        .and_then(|hub| Ok((hub, codec::encode(&IndexRow { script_type: counted.script_type, duration_ms })?)));
    Ok(entries.map(|(hub, index)| {
        pending.apply(Edit::Add(keys::hub(hk), hub));
        pending.apply(Edit::Add(keys::index(counted.tenant, status, counted.started, hk), index));
    }))
}

fn settle_next<E: Engine>(
    engine: &E,
    place: u64,
    first: FirstRow,
    (first_place, status, duration_ms): (u64, Status, Option<i32>),
    counters: &Counters,
    (staged, pending): (&mut Staged, &mut Pending),
) -> block::Read<()> {
    let counted = Counted { tenant: first.tenant, script_type: first.script_type, started: first.execution_timestamp };
    if status.is_finished() {
        staged.finished((counters, engine), counted, status, duration_ms)?;
    }
    let hk = first.hash_key();
    let entries = codec::encode(&HubRow::new(first_place, place))
        .and_then(|hub| Ok((hub, codec::encode(&IndexRow { script_type: counted.script_type, duration_ms })?)));
    Ok(entries.map(|(hub, index)| {
        pending.apply(Edit::Put(keys::hub(hk), hub));
        if status.is_finished() {
            // What can be followed by another version is running.
            let running = keys::index(counted.tenant, Status::Running, counted.started, hk);
            pending.apply(Edit::Remove(running));
            pending.apply(Edit::Add(keys::index(counted.tenant, status, counted.started, hk), index));
        }
    }))
}

fn operations<E: Engine>(engine: &E, names: &Names, counters: &Counters) -> EngineResult<u64> {
    let mut operations = 0;
    for tenant in std::iter::once(0).chain(names.tenants.values().copied()) {
        let total = Window { tenant, step: Step::Total, from: 0, to: 1 };
        counters.visit(engine, total, &mut |_, counter| operations += counter.tally.operations)?;
    }
    Ok(operations)
}
