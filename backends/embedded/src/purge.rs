//! Retention: finished operations leave with all their versions, index entries and counts.

mod swept;

use std::collections::BTreeMap;

use opledger::model::UnitId;
use opledger::store::{Outcome, Purged, Removal, judge};
use opledger::{Attributes, Error, ErrorKind, Result, Scope, Status, Timestamp};

use crate::block::{self, Block};
use crate::codec::{self, HubRow, IndexRow, Row};
use crate::counters::Counted;
use crate::engine::Engine;
use crate::keys::{self, IndexKey};
use crate::reader::chain;
use crate::transaction::Transaction;

pub(crate) use swept::Swept;

/// The blocks that lose versions, by the place where they begin. None of them has a damaged version: such a block stays as
/// it is, and verify names it.
type Blocks = BTreeMap<u64, Block<'static>>;

impl<E: Engine> Transaction<'_, E> {
    /// Removes up to `limit` finished operations of a scope that started before `before`.
    pub(crate) fn purge(&mut self, scope: Scope, before: Timestamp, limit: usize, swept: &mut Swept) -> Result<Purged> {
        let found = self.old_entries(scope, before, limit, swept)?;
        let more = found.len() >= limit;
        let mut operations = 0;
        let mut blocks = Blocks::new();
        for (key, row) in found {
            if self.remove_operation(&key, row, &mut blocks)? {
                operations += 1;
            }
        }
        self.removed(operations, blocks);
        Ok(Purged { operations, more })
    }

    /// Removes operations by name, whatever their state, and puts the document that says so. All of it, or nothing.
    pub(crate) fn remove_operations(&mut self, unit: UnitId, removal: Removal) -> Result<Outcome> {
        // The record tells whether this was done before.
        if let Some(outcome) = self.judge_document(unit, &removal.record)? {
            return Ok(outcome);
        }
        let mut entries = Vec::with_capacity(removal.operations.len());
        for (hk, expect_open) in removal.operations {
            let known = self.reader().known(hk)?.map_err(|damage| self.shared.corrupt(&damage))?;
            let open = known.as_ref().map(|known| &known.operation.open);
            if let Some(outcome) = judge::remove(removal.tenant, expect_open, open) {
                return Ok(outcome);
            }
            let Some(known) = known else { continue };
            let Attributes { execution_timestamp, execution_status, execution_duration_ms, .. } =
                known.operation.open.attributes;
            let (at, status, tenant) = (execution_timestamp, execution_status, known.tenant);
            let key = IndexKey { at, short: keys::short(hk), status, tenant };
            entries.push((hk, key, IndexRow { script_type: known.script_type, duration_ms: execution_duration_ms }));
        }
        let mut operations = 0;
        let mut blocks = Blocks::new();
        for (hk, key, row) in entries {
            if !self.remove_operation(&key, row, &mut blocks)? {
                let message = format!("operation {hk} can't be removed: a version of it, or near it, is damaged");
                return Err(Error::new(ErrorKind::Corrupt, message).on(hk));
            }
            operations += 1;
        }
        self.removed(operations, blocks);
        self.put_document(unit, removal.record)
    }

    fn removed(&mut self, operations: u64, blocks: Blocks) {
        self.write_blocks(blocks);
        self.end.operations = self.end.operations.saturating_sub(operations);
        // What is removed can't be counted again from the log.
        self.settle = operations > 0;
    }

    /// Up to `limit` entries of the time index that are old enough, from where retention has come on.
    fn old_entries(
        &self,
        scope: Scope,
        before: Timestamp,
        limit: usize,
        swept: &mut Swept,
    ) -> Result<Vec<(IndexKey, IndexRow)>> {
        let mut found = Vec::new();
        for tenant in self.shared.tenants(scope) {
            for status in [Status::Completed, Status::Failed] {
                let from = swept.from(tenant, status);
                let mut to = keys::index_from(tenant, status, before);
                self.reader().range(&from, &to.clone(), false, |key, value| {
                    // A damaged entry stays: verify names it.
                    if let (Some(key), Ok(row)) = (keys::parse_index(key), codec::decode(key, value)) {
                        found.push((key, row));
                    }
                    if found.len() >= limit {
                        to = [key, &[0]].concat();
                    }
                    found.len() < limit
                })?;
                if from < to {
                    swept.advance(tenant, status, to);
                }
                if found.len() >= limit {
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }

    fn remove_operation(&mut self, key: &IndexKey, row: IndexRow, blocks: &mut Blocks) -> Result<bool> {
        let hub = keys::hub_of(key.short);
        // Without its hub an operation can't be removed whole.
        let Some(Ok(places)) = self.reader().value(&hub)?.map(|bytes| codec::decode::<HubRow>(&hub, &bytes)) else {
            return Ok(false);
        };
        let Some(chain) = chain(places, |place| self.row(place, blocks))? else { return Ok(false) };
        let counted = Counted { tenant: key.tenant, script_type: row.script_type, started: key.at };
        self.staged
            .removed((&self.shared.counters, self.engine), counted, key.status, row.duration_ms)
            .map_err(|error| self.shared.engine_failed(error))?;
        for place in chain {
            if let Some((begin, block)) = blocks.range_mut(..=place).next_back() {
                block.remove(place.saturating_sub(*begin));
            }
        }
        self.remove(hub);
        self.remove(key.key());
        Ok(true)
    }

    /// The version at a place; none where it can't be read.
    fn row(&self, place: u64, blocks: &mut Blocks) -> Result<Option<Row>> {
        // Operations that began one after another share blocks: what was read for one is at hand for the next.
        let Some(begin) = self.load_block(place, blocks)? else { return Ok(None) };
        Ok(blocks.get(&begin).and_then(|block| block.row(begin, place).ok().flatten()))
    }

    /// Reads the block of a place, and says where it begins; none where it can't be read.
    fn load_block(&self, place: u64, blocks: &mut Blocks) -> Result<Option<u64>> {
        if let Some((begin, block)) = blocks.range(..=place).next_back()
            && block::holds(place, *begin, Some(block.len()))
        {
            return Ok(Some(*begin));
        }
        let found = block::find(self.engine, place).map_err(|error| self.shared.engine_failed(error))?;
        Ok(match found {
            Some((begin, Ok(block))) if block.is_whole() => {
                blocks.insert(begin, block);
                Some(begin)
            }
            _ => None,
        })
    }

    fn write_blocks(&mut self, blocks: Blocks) {
        for (begin, block) in blocks {
            let pieces = block.pieces();
            let last = begin.saturating_add(block.len()) > self.end.last;
            let entries = if block.is_empty() && !last {
                Vec::new()
            } else {
                // The last block says where the log ends, also when nothing is left in it.
                block.entries(begin)
            };
            let kept = u16::try_from(entries.len()).unwrap_or(u16::MAX);
            entries.into_iter().for_each(|(key, bytes)| self.put_bytes(key, bytes));
            if kept == 0 {
                self.remove(keys::block(begin));
            }
            (kept.max(1)..pieces).for_each(|number| self.remove(keys::piece(begin, number)));
        }
    }
}
