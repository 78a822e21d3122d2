//! Versions that wait in memory, to go to the engine many at a time. Only where a crash may lose what was acknowledged
//! lately: an engine has a price for each batch, and a block of one version is as dear as one of twenty.

use opledger::store::Damage;

use crate::block;
use crate::codec::Row;
use crate::engine::{Batch, Engine, EngineResult};

/// Versions that may wait.
pub(crate) const VERSIONS: usize = 256;
/// Their bytes.
const BYTES: usize = 512 << 10;

/// The versions at the end of the log that the engine does not have yet.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// The place of the first one.
    first: u64,
    rows: Vec<Vec<u8>>,
    bytes: usize,
}

impl Held {
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether so many more may wait.
    pub(crate) fn has_room(&self, versions: usize) -> bool {
        self.rows.len() + versions <= VERSIONS && self.bytes < BYTES
    }

    /// Takes over versions, of which the first stands at `place`, behind those that wait.
    pub(crate) fn extend(&mut self, place: u64, rows: Vec<Vec<u8>>) {
        if self.rows.is_empty() {
            self.first = place;
        }
        self.bytes += rows.iter().map(Vec::len).sum::<usize>();
        self.rows.extend(rows);
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The bytes of the versions that wait, as they came.
    pub(crate) fn rows(&self) -> &[Vec<u8>] {
        &self.rows
    }

    /// The version at a place, where it is one that waits.
    pub(crate) fn get(&self, place: u64) -> Option<Result<Row, Damage>> {
        let index = usize::try_from(place.checked_sub(self.first)?).ok()?;
        self.rows.get(index).map(|row| block::parse(place, row))
    }

    /// The versions from a place on.
    pub(crate) fn from(&self, place: u64) -> impl Iterator<Item = (u64, &[u8])> {
        (self.first..).zip(&self.rows).filter(move |(at, _)| *at >= place).map(|(at, row)| (at, row.as_slice()))
    }

    /// Gives what still waits to an engine that was opened again, whose log ends at `last`; false where the engine lacks
    /// what came before.
    pub(crate) fn hand_over<E: Engine>(&self, engine: &E, last: u64) -> EngineResult<bool> {
        let next = last.saturating_add(1);
        let Some(there) = next.checked_sub(self.first) else { return Ok(self.is_empty()) };
        let rest = usize::try_from(there).ok().and_then(|there| self.rows.get(there..)).unwrap_or_default();
        if !rest.is_empty() {
            let entries = block::blocks(next, rest).into_iter().map(|(key, value)| (key, Some(value))).collect();
            engine.apply(Batch { entries })?;
            engine.sync()?;
        }
        Ok(true)
    }
}
