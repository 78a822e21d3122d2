//! The blocks that an answer read last: operations that began one after another share blocks, and an operation's versions
//! are seldom far from each other.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::block::{self, Block, Read};
use crate::codec::{FirstRow, Row};
use crate::engine::Engine;

/// Blocks kept: more would be looked through for longer than reading one takes.
const KEPT: usize = 8;

/// Blocks by the place where they begin, the newest in front. Only for as long as nothing is written.
#[derive(Debug, Default)]
pub(crate) struct BlockCache(Mutex<VecDeque<(u64, Block<'static>)>>);

impl BlockCache {
    /// The version at a place; none where retention removed it, or where nothing was ever.
    pub(crate) fn row<E: Engine>(&self, engine: &E, place: u64) -> Read<Option<Row>> {
        let is_in = |(begin, block): &&(u64, Block<'_>)| block::holds(place, *begin, Some(block.len()));
        if let Some((begin, block)) = self.blocks().iter().find(is_in) {
            return Ok(block.row(*begin, place));
        }
        // Others may look for theirs meanwhile.
        let (begin, block) = match block::find(engine, place)? {
            None => return Ok(Ok(None)),
            Some((_, Err(damage))) => return Ok(Err(damage)),
            Some((begin, Ok(block))) => (begin, block),
        };
        let row = block.row(begin, place);
        let mut blocks = self.blocks();
        blocks.truncate(KEPT - 1);
        blocks.push_front((begin, block));
        Ok(row)
    }

    /// The first version of an operation, which must be at this place.
    pub(crate) fn first<E: Engine>(&self, engine: &E, place: u64) -> Read<Option<FirstRow>> {
        Ok(self.row(engine, place)?.and_then(|row| row.map(|row| block::as_first(place, row)).transpose()))
    }

    fn blocks(&self) -> MutexGuard<'_, VecDeque<(u64, Block<'static>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::engine::Batch;
    use crate::map_engine::Map;

    #[test]
    fn neighbours_read_their_block_once() {
        // A page of history read and took apart the same few blocks for each of its operations.
        let engine = Map::default();
        let rows: Vec<Vec<u8>> = (0..100).map(|n| vec![n; 700]).collect();
        let entries = block::blocks(1, &rows);
        let blocks = entries.len();
        assert!(blocks > KEPT);
        engine.apply(Batch { entries: entries.into_iter().map(|(key, value)| (key, Some(value))).collect() }).unwrap();
        let cache = BlockCache::default();
        for place in (1..=100).rev() {
            // No version says nothing but 700 times the same: what comes is its damage, by name.
            let Err(damage) = cache.row(&engine, place).unwrap() else { panic!("place {place}") };
            assert_eq!(damage.record, crate::keys::version_name(place));
        }
        assert_eq!(engine.ranges.load(Ordering::Relaxed), blocks);
        assert!(cache.row(&engine, 101).unwrap().unwrap().is_none());
        assert_eq!(cache.blocks().len(), KEPT);
    }
}
