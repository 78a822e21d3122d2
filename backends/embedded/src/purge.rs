//! Retention: finished operations leave with all their versions, index entries and counts.

use opledger::store::Purged;
use opledger::{Hash, Result, Scope, Status, Timestamp};

use crate::codec::{self, HubRow, IndexRow};
use crate::engine::Engine;
use crate::keys::{self, IndexKey};
use crate::reader::{self, Reader};
use crate::transaction::Transaction;

impl<E: Engine> Transaction<'_, E> {
    /// Removes up to `limit` finished operations of a scope that started before `before`.
    pub(crate) fn purge(&mut self, scope: Scope, before: Timestamp, limit: usize) -> Result<Purged> {
        let found = self.old_entries(scope, before, limit)?;
        let more = found.len() >= limit;
        let mut operations = 0;
        for (key, row) in found {
            if self.remove_operation(&key, row)? {
                operations += 1;
            }
        }
        self.tail.operations = self.tail.operations.saturating_sub(operations);
        Ok(Purged { operations, more })
    }

    fn old_entries(&self, scope: Scope, before: Timestamp, limit: usize) -> Result<Vec<(IndexKey, IndexRow)>> {
        let reader = Reader { shared: self.shared, engine: self.engine, scope };
        let mut found = Vec::new();
        for tenant in self.shared.tenants(scope) {
            for status in [Status::Completed, Status::Failed] {
                let from = keys::index_from(tenant, status, Timestamp::MIN);
                let to = keys::index_from(tenant, status, before);
                reader.range(&from, &to, false, |key, value| {
                    // A damaged entry stays: verify names it.
                    if let (Some(key), Ok(row)) = (keys::parse_index(key), codec::decode(key, value)) {
                        found.push((key, row));
                    }
                    found.len() < limit
                })?;
                if found.len() >= limit {
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }

    fn remove_operation(&mut self, key: &IndexKey, row: IndexRow) -> Result<bool> {
        let from = [&b"h"[..], &key.short].concat();
        let to = [&b"h"[..], &key.short, &[0xff; 17]].concat();
        let reader = Reader { shared: self.shared, engine: self.engine, scope: Scope::All };
        let mut hub = None;
        reader.range(&from, &to, false, |key, value| {
            hub =
                key.get(1..).and_then(|hk| <[u8; 32]>::try_from(hk).ok()).zip(codec::decode::<HubRow>(key, value).ok());
            false
        })?;
        // Without its hub an operation can't be removed whole.
        let Some((hk, hub)) = hub else { return Ok(false) };
        let hk = Hash::from_bytes(hk);
        self.counters
            .prepare(self.engine, key.tenant, row.script_type, key.at)
            .map_err(|damage| self.shared.corrupt(&damage))?;
        let mut places = Vec::new();
        let mut place = Some(hub.open);
        while let Some(at) = place {
            let version = reader::version_row(at, |key| reader.value(key))?;
            places.push((at, pieces_of(&reader, at)?));
            place = version.ok().flatten().and_then(|row| row.previous).filter(|previous| *previous < at);
        }
        for (at, pieces) in places {
            self.remove(keys::version(at));
            (1..=pieces).for_each(|number| self.remove(keys::piece(at, number)));
        }
        self.remove(keys::hub(hk));
        self.remove(keys::index(key.tenant, key.status, key.at, hk));
        self.counters.removed(key.tenant, row.script_type, key.at, key.status, row.duration_ms);
        Ok(true)
    }
}

fn pieces_of<E: Engine>(reader: &Reader<'_, E>, place: u64) -> Result<u16> {
    let mut pieces = 0;
    reader.range(&keys::piece(place, 0), &keys::piece(place, u16::MAX), false, |_, _| {
        pieces += 1;
        true
    })?;
    Ok(pieces)
}
