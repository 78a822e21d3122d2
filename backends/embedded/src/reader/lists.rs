//! Scans in the order of a key: versions of one operation, all operations, the log, checks.

use std::ops::ControlFlow;

use opledger::model::Check;
use opledger::store::{Damage, Entry, Page, Record, Scan};
use opledger::{Hash, Position, Result, Timestamp};

use super::{Reader, hub, version};
use crate::codec::{self, HubRow};
use crate::engine::Engine;
use crate::keys;

impl<E: Engine> Reader<'_, E> {
    pub(super) fn versions(&self, hk: Hash, after: Option<Timestamp>, limit: usize) -> Result<Page> {
        let mut page = Page::default();
        let row = match self.hub_row(hk)? {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(page),
            Err(damage) => {
                page.damaged.push(damage);
                return Ok(page);
            }
        };
        if !self.shared.tenant(row.tenant).is_some_and(|tenant| self.scope.sees(tenant)) {
            return Ok(page);
        }
        let mut versions = Vec::new();
        let mut end = None;
        let mut place = Some(row.open);
        while let Some(at) = place {
            match self.version_at(at)? {
                Ok((previous, mut version)) => {
                    if after.is_some_and(|after| version.load_date <= after) {
                        break;
                    }
                    version.load_end_date = end;
                    end = Some(version.load_date);
                    // A chain that does not go back would never end.
                    place = previous.filter(|previous| *previous < at);
                    versions.push(version);
                }
                Err(damage) => {
                    page.damaged.push(damage);
                    break;
                }
            }
        }
        versions.reverse();
        let more = versions.len() > limit;
        versions.truncate(limit);
        page.next =
            versions.last().filter(|_| more).map(|last| Scan::Versions { operation: hk, after: Some(last.load_date) });
        page.records = versions.into_iter().map(|version| Record::Version(Box::new(version))).collect();
        Ok(page)
    }

    pub(super) fn operations(&self, after: Option<Hash>, limit: usize) -> Result<Page> {
        let (start, end) = keys::kind(b'h');
        let from = after.map_or(start, |after| [keys::hub(after), vec![0]].concat());
        let mut page = Page::default();
        let mut rows = Vec::new();
        let mut last = None;
        self.range(&from, &end, false, |key, value| {
            let hk = key.get(1..).and_then(|hk| <[u8; 32]>::try_from(hk).ok()).map(Hash::from_bytes);
            match (hk, codec::decode::<HubRow>(key, value)) {
                (Some(hk), Ok(row)) => rows.push((hk, row)),
                (_, Err(damage)) => page.damaged.push(damage),
                (None, Ok(_)) => page.damaged.push(Damage::new(keys::describe(key), "its key is not a hash")),
            }
            last = hk.or(last);
            rows.len() + page.damaged.len() < limit
        })?;
        if rows.len() + page.damaged.len() >= limit {
            page.next = last.map(|last| Scan::Operations { after: Some(last) });
        }
        for (hk, row) in rows {
            match self.operation_of(hk, row)? {
                Ok(Some(operation)) => page.records.push(Record::Operation(Box::new(operation))),
                Ok(None) => {}
                Err(damage) => page.damaged.push(damage),
            }
        }
        Ok(page)
    }

    pub(super) fn log(&self, after: Position, limit: usize) -> Result<Page> {
        let from = self.shared.place_after(after);
        // What is not acknowledged yet may still be lost, and its place given out again.
        let (_, last, _) = self.shared.tail.last().parts();
        let end = keys::version(last.saturating_add(1));
        let mut page = Page::default();
        let mut places = Vec::new();
        self.range(&keys::version(from), &end, false, |key, _| {
            if let Some(place) = key.get(1..).and_then(|place| place.try_into().ok()) {
                places.push(u64::from_be_bytes(place));
            }
            places.len() < limit
        })?;
        let more = places.len() >= limit;
        for place in &places {
            match super::version_row(*place, |key| self.value(key))? {
                Ok(Some(row)) => match self.entry(*place, row)? {
                    Ok(Some(entry)) => page.records.push(Record::Entry(Box::new(entry))),
                    Ok(None) => {}
                    Err(damage) => page.damaged.push(damage),
                },
                Ok(None) => {}
                Err(damage) => page.damaged.push(damage),
            }
        }
        page.next = places.last().filter(|_| more).map(|place| Scan::Log { after: self.shared.position(*place) });
        Ok(page)
    }

    fn entry(&self, place: u64, row: codec::VersionRow) -> Result<Result<Option<Entry>, Damage>> {
        let version = match version(self.shared, place, row) {
            Ok(version) if self.scope.sees(version.tenant) => version,
            Ok(_) => return Ok(Ok(None)),
            Err(damage) => return Ok(Err(damage)),
        };
        let hk = version.script_execution_hk;
        Ok(match self.hub_row(hk)? {
            Ok(Some(row)) => hub(self.shared, hk, row).map(|hub| Some(Entry { hub: Some(hub), version })),
            Ok(None) => Ok(Some(Entry { hub: None, version })),
            Err(damage) => Err(damage),
        })
    }

    pub(super) fn checks(&self, before: Option<Timestamp>, limit: usize) -> Result<Page> {
        let (from, end) = keys::kind(b'k');
        let to = before.map_or(end, keys::check);
        let mut page = Page::default();
        let mut last = None;
        self.range(&from, &to, true, |key, value| {
            match codec::decode::<Check>(key, value) {
                Ok(check) => {
                    last = Some(check.at);
                    page.records.push(Record::Check(check));
                }
                Err(damage) => page.damaged.push(damage),
            }
            page.records.len() < limit
        })?;
        if page.records.len() >= limit {
            page.next = last.map(|last| Scan::Checks { before: Some(last) });
        }
        Ok(page)
    }

    /// Visits a range until `visit` says no.
    pub(crate) fn range(
        &self,
        from: &[u8],
        to: &[u8],
        reverse: bool,
        mut visit: impl FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<()> {
        if from >= to {
            return Ok(());
        }
        let mut step = |key: &[u8], value: &[u8]| {
            if visit(key, value) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        self.engine.range(from, to, reverse, &mut step).map_err(|error| self.shared.engine_failed(error))
    }
}
