//! Retention: finished operations leave with all their versions, index entries and counts.

use std::ops::ControlFlow;

use opledger::store::Purged;
use opledger::{Result, Scope, Status, Timestamp};

use crate::codec::{self, GroupRow, IndexRow};
use crate::counters::Counted;
use crate::engine::Engine;
use crate::keys::{self, IndexKey, VersionKey};
use crate::reader::Reader;
use crate::stored;
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
        self.end.operations = self.end.operations.saturating_sub(operations);
        // What is removed can't be counted again from the log.
        self.store_counters = operations > 0;
        if operations > 0 && !more {
            self.trim_log()?;
        }
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
        let hub = keys::hub_of(key.short);
        let (from, to) = keys::versions_of(row.first);
        let mut versions = Vec::new();
        let mut split = false;
        let reader = self.reader();
        // Without its hub an operation can't be removed whole.
        if reader.value(&hub)?.is_none() {
            return Ok(false);
        }
        reader.range(&from, &to, false, |key, value| {
            versions.push(key.to_vec());
            split |= stored::is_full(value);
            true
        })?;
        if split {
            let [from, to] = [row.first, row.first.saturating_add(1)].map(|at| keys::piece(VersionKey::first(at), 0));
            reader.range(&from, &to, false, |key, _| {
                versions.push(key.to_vec());
                true
            })?;
        }
        let counted = Counted { tenant: key.tenant, script_type: row.script_type, started: key.at };
        self.staged
            .removed((&self.shared.counters, self.engine), counted, key.status, row.duration_ms)
            .map_err(|error| self.shared.engine_failed(error))?;
        versions.into_iter().for_each(|key| self.remove(key));
        self.remove(hub);
        self.remove(key.key());
        Ok(true)
    }

    /// Removes the groups at the beginning of the log that hold nothing any more. The last one stays: it says where
    /// the log ends.
    fn trim_log(&mut self) -> Result<()> {
        let (from, to) = keys::kind(b'v');
        let mut oldest = None;
        let reader = self.reader();
        self.engine
            .range(&from, &to, false, &mut |key, _| {
                if self.is_removed(key) {
                    return ControlFlow::Continue(());
                }
                oldest = keys::parse_version(key).map(|key| key.first);
                ControlFlow::Break(())
            })
            .map_err(|error| self.shared.engine_failed(error))?;
        let oldest = oldest.unwrap_or(self.end.last);
        let (from, _) = keys::kind(b'l');
        let mut empty = Vec::new();
        // An entry points back to its operation's first version, never forward.
        reader.range(&from, &keys::group(oldest), false, |key, value| {
            let Some(begin) = keys::parse_group(key) else { return true };
            // A damaged group stays: verify names it.
            if let Ok(group) = codec::decode::<GroupRow>(key, value)
                && begin.saturating_add(u64::try_from(group.entries.len()).unwrap_or(0)) <= self.end.last
                && (begin..).zip(&group.entries).all(|(at, (back, _))| at.saturating_sub(*back) < oldest)
            {
                empty.push(key.to_vec());
            }
            true
        })?;
        empty.into_iter().for_each(|key| self.remove(key));
        Ok(())
    }
}
