//! sled's tree as the ordered map that the layout sees: index entries are in packs, all others on their own.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};

use opledger_embedded::engine::{Batch, EngineResult, Visit, is_index_entry};
use sled::{Db, IVec};

use crate::guard::guarded;
use crate::pack::{self, Cursor, Edit};

/// sled lets a page go when it has noted 64 accesses in that page's part of the cache, of which there are 256. A scan is one
/// access for each page of up to 112 KB: of a log of a gigabyte, half was kept. So it tells sled more of them, for each value as
/// long as this.
const LARGE: usize = 1024;
const ACCESSES: usize = 3;

pub(crate) fn get(db: &Db, key: &[u8]) -> EngineResult<Option<Vec<u8>>> {
    if !is_index_entry(key) {
        return guarded(|| Ok(db.get(key)?.map(|value| value.to_vec())));
    }
    holder(db, key)?.map_or(Ok(None), |(fence, pack)| pack::get(&fence, &pack, key))
}

pub(crate) fn range(db: &Db, from: &[u8], to: &[u8], reverse: bool, visit: &mut Visit<'_>) -> EngineResult<()> {
    if from >= to {
        return Ok(());
    }
    let start = if is_index_entry(from) { holder(db, from)?.map(|(fence, _)| fence) } else { None };
    let start = start.unwrap_or_else(|| IVec::from(from));
    let mut pairs = guarded(|| Ok(db.range(start..IVec::from(to))))?;
    let mut is_scan = false;
    loop {
        // The visitor is the caller's code: it runs outside the guard.
        let pair = guarded(|| if reverse { pairs.next_back() } else { pairs.next() }.transpose())?;
        let Some((key, value)) = pair else { return Ok(()) };
        if value.len() > LARGE && std::mem::replace(&mut is_scan, true) {
            (0..ACCESSES).try_for_each(|_| guarded(|| db.contains_key(&key).map(drop)))?;
        }
        let visited = if !is_index_entry(&key) {
            visit(&key, &value)
        } else if reverse {
            let entries = pack::entries(&key, &value)?;
            let mut within = entries.iter().rev().filter(|(key, _)| (from..to).contains(&key.as_slice()));
            within.try_for_each(|(key, value)| visit(key, value))
        } else {
            visit_pack(&mut Cursor::new(&key, &value)?, (from, to), visit)?
        };
        if visited.is_break() {
            return Ok(());
        }
    }
}

fn visit_pack(
    cursor: &mut Cursor<'_>,
    (from, to): (&[u8], &[u8]),
    visit: &mut Visit<'_>,
) -> EngineResult<ControlFlow<()>> {
    while let Some((key, value)) = cursor.step()? {
        if key >= to || (key >= from && visit(key, value).is_break()) {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// A batch as sled takes it, and how many bytes of keys and values it has.
pub(crate) fn batch(db: &Db, batch: Batch) -> EngineResult<(sled::Batch, usize)> {
    let mut writes = Writes::default();
    // In key order, the last change of a key alone: neighbours go into their pack together.
    let mut edits = BTreeMap::new();
    for (key, value) in batch.entries {
        if is_index_entry(&key) {
            edits.insert(key, value);
        } else {
            writes.add((key, value));
        }
    }
    let mut edits = edits.into_iter().peekable();
    while let Some(first) = edits.next() {
        let old = holder(db, &first.0)?;
        let end = next_fence(db, &first.0)?;
        let mut together = vec![first];
        together.extend(std::iter::from_fn(|| edits.next_if(|(key, _)| *key < end)));
        let old = old.as_ref().map(|(fence, pack)| (&**fence, &**pack));
        pack::rewrite(old, &together)?.into_iter().for_each(|pack| writes.add(pack));
    }
    Ok((writes.batch, writes.bytes))
}

#[derive(Default)]
struct Writes {
    batch: sled::Batch,
    bytes: usize,
}

impl Writes {
    fn add(&mut self, (key, value): Edit) {
        self.bytes += key.len() + value.as_ref().map_or(0, Vec::len);
        match value {
            Some(value) => self.batch.insert(key, value),
            None => self.batch.remove(key),
        }
    }
}

/// The pack that holds a key, if any does: the last of its kind that begins at it or before.
fn holder(db: &Db, key: &[u8]) -> EngineResult<Option<(IVec, IVec)>> {
    let kind = key.get(..1).unwrap_or_default();
    guarded(|| db.range(kind..=key).next_back().transpose())
}

/// Where the pack that holds a key ends.
fn next_fence(db: &Db, key: &[u8]) -> EngineResult<Vec<u8>> {
    let end: Vec<u8> = key.iter().take(1).map(|kind| kind.saturating_add(1)).collect();
    let after = (Bound::Excluded(key), Bound::Excluded(end.as_slice()));
    let next = guarded(|| db.range::<&[u8], _>(after).next().transpose())?;
    Ok(next.map_or(end, |(fence, _)| fence.to_vec()))
}
