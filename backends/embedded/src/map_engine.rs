//! The plainest engine, for tests.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;
use std::sync::RwLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::engine::{Batch, Engine, EngineResult, Visit};

/// An ordered map in memory.
#[derive(Default)]
pub(crate) struct Map {
    entries: RwLock<BTreeMap<Vec<u8>, Vec<u8>>>,
    /// How many ranges were visited.
    pub(crate) ranges: AtomicUsize,
}

impl Engine for Map {
    const NAME: &'static str = "map";

    fn open(_: &Path, _: &Path) -> EngineResult<Self> {
        Ok(Self::default())
    }

    fn found(&self) -> &[String] {
        &[]
    }

    fn get(&self, key: &[u8]) -> EngineResult<Option<Vec<u8>>> {
        Ok(self.entries.read().unwrap().get(key).cloned())
    }

    fn range(&self, from: &[u8], to: &[u8], reverse: bool, visit: &mut Visit<'_>) -> EngineResult<()> {
        self.ranges.fetch_add(1, Ordering::Relaxed);
        let map = self.entries.read().unwrap();
        let range = map.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
        let pairs: Vec<_> = if reverse { range.rev().collect() } else { range.collect() };
        let _stopped = pairs.into_iter().try_for_each(|(key, value)| visit(key, value));
        Ok(())
    }

    fn apply(&self, batch: Batch) -> EngineResult<()> {
        let mut map = self.entries.write().unwrap();
        for (key, value) in batch.entries {
            match value {
                Some(value) => map.insert(key, value),
                None => map.remove(&key),
            };
        }
        Ok(())
    }

    fn sync(&self) -> EngineResult<()> {
        Ok(())
    }

    fn give_back(&mut self) -> EngineResult<()> {
        Ok(())
    }

    fn apply_synced(&self, batch: Batch) -> EngineResult<()> {
        self.apply(batch)?;
        self.sync()
    }

    fn size_on_disk(&self) -> EngineResult<u64> {
        Ok(0)
    }

    fn close(self) -> EngineResult<()> {
        Ok(())
    }
}
