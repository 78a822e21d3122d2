//! The counters in memory: whole buckets, read when they are first asked for.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;

use super::{Counter, VisitCounter, Window};
use crate::codec::{self, CounterRow};
use crate::engine::{Engine, EngineResult};
use crate::keys::{self, BucketKey, CounterKey, Step};

/// Buckets kept in memory beside those that are not stored yet.
const KEPT: usize = 4096;
/// Up to so many buckets are asked for one by one; of more, only those that exist are looked for.
const NEAR: i64 = 1024;

/// Up to so many buckets are read together: one by one, the first report after opening takes up to half as long again.
const AT_ONCE: usize = KEPT / 4;

/// The counters of a bucket by type.
type Bucket = BTreeMap<u32, Counter>;

#[derive(Debug, Default)]
pub(super) struct Table {
    buckets: HashMap<BucketKey, Bucket>,
    /// Not stored as they are.
    changed: BTreeSet<CounterKey>,
    /// Read for the group that is being built: they stay until it is in the engine.
    pinned: BTreeSet<BucketKey>,
    /// How many had to stay when the others went.
    needed: usize,
    /// The first and last bucket there is.
    extents: HashMap<(u32, Step), Option<(i64, i64)>>,
}

impl Table {
    pub(super) fn bucket<E: Engine>(&mut self, engine: &E, key: BucketKey) -> EngineResult<&Bucket> {
        if !self.buckets.contains_key(&key) {
            self.make_room();
            let BucketKey { tenant, step, bucket } = key;
            let read = read(engine, (tenant, step), BTreeMap::from([(bucket, Bucket::new())]))?;
            self.buckets.extend(read);
        }
        Ok(self.buckets.entry(key).or_default())
    }

    /// Lets go of buckets that nobody needs, where there are too many; says whether it looked.
    fn make_room(&mut self) -> bool {
        // Where more are needed than are kept, to look at all of them for each new one would take a time that grows with
        // the square of their number.
        if self.buckets.len() < KEPT.max(2 * self.needed) {
            return false;
        }
        let mut needed = self.pinned.clone();
        needed.extend(self.changed.iter().map(CounterKey::bucket));
        self.buckets.retain(|key, _| needed.contains(key));
        self.needed = self.buckets.len();
        true
    }

    /// Begins a group: what an earlier one needed may go.
    pub(super) fn unpin(&mut self) {
        self.pinned.clear();
    }

    /// Reads a counter that [`put`](Self::put) may bring back changed.
    pub(super) fn pin<E: Engine>(&mut self, engine: &E, key: CounterKey) -> EngineResult<Counter> {
        self.pinned.insert(key.bucket());
        Ok(self.bucket(engine, key.bucket())?.get(&key.script_type).cloned().unwrap_or_default())
    }

    /// Takes over a counter that was pinned.
    pub(super) fn put(&mut self, key: CounterKey, counter: Counter) {
        self.buckets.entry(key.bucket()).or_default().insert(key.script_type, counter);
        self.changed.insert(key);
        if let Some(extent) = self.extents.get_mut(&(key.tenant, key.step)) {
            let (first, last) = extent.unwrap_or((key.bucket, key.bucket));
            *extent = Some((first.min(key.bucket), last.max(key.bucket)));
        }
    }

    pub(super) fn changed(&self) -> impl Iterator<Item = (CounterKey, &Counter)> {
        self.changed.iter().filter_map(|key| Some((*key, self.buckets.get(&key.bucket())?.get(&key.script_type)?)))
    }

    pub(super) fn clean(&mut self) {
        self.changed.clear();
    }

    pub(super) fn visit<E: Engine>(
        &mut self,
        engine: &E,
        window: Window,
        visit: &mut VisitCounter<'_>,
    ) -> EngineResult<()> {
        let Window { tenant, step, from, to } = window;
        let Some((first, last)) = self.extent(engine, (tenant, step))? else { return Ok(()) };
        let width = step.width().unwrap_or(1);
        let (from, to) = (from.max(first), to.min(last.saturating_add(width)));
        let count = to.saturating_sub(from) / width;
        let mut wanted: BTreeSet<i64> = match count {
            ..=0 if from >= to => return Ok(()),
            ..=NEAR if from.rem_euclid(width) == 0 => {
                (0..=count).filter_map(|n| from.checked_add(n.checked_mul(width)?)).collect()
            }
            _ => self.existing(engine, Window { from, to, ..window })?,
        };
        wanted.retain(|bucket| (from..to).contains(bucket));
        let key = |bucket: i64| BucketKey { tenant, step, bucket };
        let missing = wanted.iter().filter(|bucket| !self.buckets.contains_key(&key(**bucket)));
        let missing: BTreeMap<i64, Bucket> = missing.map(|bucket| (*bucket, Bucket::new())).collect();
        // Of a window too wide to be kept, each bucket is read when its turn comes.
        if missing.len() <= AT_ONCE {
            self.make_room();
            self.buckets.extend(read(engine, (tenant, step), missing)?);
        }
        for bucket in wanted {
            for (script_type, counter) in self.bucket(engine, key(bucket))? {
                visit(key(bucket).counter(*script_type), counter);
            }
        }
        Ok(())
    }

    /// Visits the same in one pass, and keeps nothing of it: for who looks at all of them.
    pub(super) fn pass<E: Engine>(&self, engine: &E, window: Window, visit: &mut VisitCounter<'_>) -> EngineResult<()> {
        let Window { tenant, step, from, to } = window;
        if from >= to {
            return Ok(()); // an engine that reads wrong bytes leads here, and a map's range would panic
        }
        let end = |bucket| CounterKey { tenant, step, bucket, script_type: 0 };
        let changed = self.changed.range(end(from)..end(to));
        let changed: BTreeMap<&CounterKey, &Counter> =
            changed.filter_map(|key| Some((key, self.buckets.get(&key.bucket())?.get(&key.script_type)?))).collect();
        let (start, end) = (keys::counters_from(tenant, step, from), keys::counters_from(tenant, step, to));
        engine.range(&start, &end, false, &mut |stored, value| {
            if let Some(key) = keys::parse_counter(stored)
                && !changed.contains_key(&key)
            {
                visit(key, &decode(stored, value));
            }
            ControlFlow::Continue(())
        })?;
        changed.into_iter().for_each(|(key, counter)| visit(*key, counter));
        Ok(())
    }

    fn existing<E: Engine>(&self, engine: &E, window: Window) -> EngineResult<BTreeSet<i64>> {
        let Window { tenant, step, from, to } = window;
        let in_memory = self.changed.iter().filter(|key| key.tenant == tenant && key.step == step);
        let mut found: BTreeSet<i64> = in_memory.map(|key| key.bucket).collect();
        let (start, end) = (keys::counters_from(tenant, step, from), keys::counters_from(tenant, step, to));
        engine.range(&start, &end, false, &mut |key, _| {
            found.extend(keys::parse_counter(key).map(|key| key.bucket));
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    fn extent<E: Engine>(&mut self, engine: &E, (tenant, step): (u32, Step)) -> EngineResult<Option<(i64, i64)>> {
        if let Some(extent) = self.extents.get(&(tenant, step)) {
            return Ok(*extent);
        }
        let in_memory = self.changed.iter().filter(|key| key.tenant == tenant && key.step == step);
        let mut ends: BTreeSet<i64> = in_memory.map(|key| key.bucket).collect();
        let (start, end) = keys::counters_of(tenant, step);
        for reverse in [false, true] {
            engine.range(&start, &end, reverse, &mut |key, _| {
                ends.extend(keys::parse_counter(key).map(|key| key.bucket));
                ControlFlow::Break(())
            })?;
        }
        let extent = ends.first().copied().zip(ends.last().copied());
        self.extents.insert((tenant, step), extent);
        Ok(extent)
    }
}

/// Fills buckets of a tenant and step with what the engine has, in one go.
fn read<E: Engine>(
    engine: &E,
    (tenant, step): (u32, Step),
    mut buckets: BTreeMap<i64, Bucket>,
) -> EngineResult<impl Iterator<Item = (BucketKey, Bucket)>> {
    let key = move |bucket: i64| BucketKey { tenant, step, bucket };
    if let Some(((first, _), (last, _))) = buckets.first_key_value().zip(buckets.last_key_value()) {
        let (start, end) = (keys::counters_in(key(*first)).0, keys::counters_in(key(*last)).1);
        engine.range(&start, &end, false, &mut |stored, value| {
            if let Some(found) = keys::parse_counter(stored)
                && let Some(bucket) = buckets.get_mut(&found.bucket)
            {
                bucket.insert(found.script_type, decode(stored, value));
            }
            ControlFlow::Continue(())
        })?;
    }
    Ok(buckets.into_iter().map(move |(bucket, counters)| (key(bucket), counters)))
}

fn decode(key: &[u8], value: &[u8]) -> Counter {
    match codec::decode::<CounterRow>(key, value) {
        Ok(row) => Counter { max_is_gone: row.max_is_gone, tally: row.tally(), damage: None },
        Err(damage) => Counter { damage: Some(damage), ..Counter::default() },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use opledger::report::Tally;

    use super::*;
    use crate::engine::Batch;
    use crate::map_engine::Map;

    fn hour(n: usize) -> CounterKey {
        let bucket = i64::try_from(n).unwrap() * 3_600_000_000;
        CounterKey { tenant: 0, step: Step::Hour, bucket, script_type: 1 }
    }

    #[test]
    fn where_many_are_needed_room_is_not_sought_for_each_new_one() {
        // Operations that lay hours apart took eleven times as long to record as those of one hour.
        let mut table = Table::default();
        let mut looked = 0;
        let mut put = |table: &mut Table, n: usize| {
            looked += usize::from(table.make_room());
            table.put(hour(n), Counter::default());
        };
        (0..4 * KEPT).for_each(|n| put(&mut table, n));
        assert_eq!(table.buckets.len(), 4 * KEPT, "all of them wait to be stored");
        table.clean();
        (4 * KEPT..6 * KEPT).for_each(|n| put(&mut table, n));
        assert!(table.buckets.len() <= 4 * KEPT, "{} are kept", table.buckets.len());
        assert!(looked <= 4, "looked {looked} times");
    }

    #[test]
    fn a_window_is_read_in_one_go() {
        // The first dashboard after opening read each of its buckets by itself.
        let engine = Map::default();
        let stored = |n: usize| {
            let operations = u64::try_from(n).unwrap() + 1;
            let counter = Counter { tally: Tally { operations, ..Tally::default() }, ..Counter::default() };
            (keys::counter(hour(n)), Some(codec::encode(&counter.row().unwrap()).unwrap()))
        };
        engine.apply(Batch { entries: (0..24).map(stored).collect() }).unwrap();
        let mut table = Table::default();
        // What waits to be stored stands for what is.
        let tally = Tally { operations: 70, ..Tally::default() };
        table.put(hour(3), Counter { tally, ..Counter::default() });
        for _ in 0..2 {
            let mut seen = Vec::new();
            let window = Window { tenant: 0, step: Step::Hour, from: hour(1).bucket, to: hour(20).bucket };
            let visit = &mut |_: CounterKey, counter: &Counter| seen.push(counter.tally.operations);
            table.visit(&engine, window, visit).unwrap();
            let expected: Vec<u64> = (1..20).map(|n| if n == 3 { 70 } else { n + 1 }).collect();
            assert_eq!(seen, expected);
        }
        assert_eq!(engine.ranges.load(Ordering::Relaxed), 3, "both ends, and what is between");
    }
}
