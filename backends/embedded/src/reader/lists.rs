//! Scans in the order of a key: versions of one operation, all operations, the log, checks.

use std::ops::ControlFlow;

use opledger::model::{Check, Hub, Version};
use opledger::store::{Damage, Entry, Page, Record, Scan};
use opledger::{Hash, Position, Result, Timestamp};

use super::Reader;
use crate::codec::{self, FirstRow, NextRow};
use crate::engine::Engine;
use crate::keys::{self, SHORT, VersionKey};
use crate::stored;

impl<E: Engine> Reader<'_, E> {
    pub(super) fn versions(&self, hk: Hash, after: Option<Timestamp>, limit: usize) -> Result<Page> {
        let mut page = Page::default();
        let place = match self.place(hk)? {
            Ok(Some(place)) => place,
            Ok(None) => return Ok(page),
            Err(damage) => {
                page.damaged.push(damage);
                return Ok(page);
            }
        };
        let Some((hub, mut versions)) = self.versions_at(place, &mut page.damaged)? else { return Ok(page) };
        if hub.script_execution_hk != hk || !self.sees(&hub) {
            return Ok(Page::default());
        }
        let ends: Vec<Timestamp> = versions.iter().skip(1).map(|version| version.load_date).collect();
        versions.iter_mut().zip(ends).for_each(|(version, end)| version.load_end_date = Some(end));
        versions.retain(|version| after.is_none_or(|after| version.load_date > after));
        let more = versions.len() > limit;
        versions.truncate(limit);
        page.next =
            versions.last().filter(|_| more).map(|last| Scan::Versions { operation: hk, after: Some(last.load_date) });
        page.records = versions.into_iter().map(|version| Record::Version(Box::new(version))).collect();
        Ok(page)
    }

    /// The versions of the operation that begins at a place, each open, and its hub; none where there is no first one.
    fn versions_at(&self, place: u64, damaged: &mut Vec<Damage>) -> Result<Option<(Hub, Vec<Version>)>> {
        let (from, to) = keys::versions_of(place);
        let mut rows = Vec::new();
        self.range(&from, &to, false, |key, value| {
            rows.extend(keys::parse_version(key).map(|key| (key, value.to_vec())));
            true
        })?;
        let mut rows = rows.into_iter();
        let missing =
            |key| Damage::new(keys::describe(&keys::version(key)), "it is missing, and so is what follows from it");
        let read = match rows.next() {
            Some((key, bytes)) if key.number == 0 => self
                .engine(stored::join::<E, FirstRow>(self.engine, key, &bytes))?
                .and_then(|row| self.first(place, row)),
            _ => Err(missing(VersionKey::first(place))),
        };
        let (hub, first) = match read {
            Ok(read) => read,
            Err(damage) => {
                damaged.push(damage);
                return Ok(None);
            }
        };
        let mut versions = vec![first];
        for ((key, bytes), number) in rows.zip(1..) {
            if key.number != number {
                damaged.push(missing(VersionKey { first: place, number }));
                break;
            }
            let row = self.engine(stored::join::<E, NextRow>(self.engine, key, &bytes))?;
            let first = versions.first();
            match row.and_then(|row| first.map_or_else(|| Err(missing(key)), |first| self.next(key, row, first))) {
                Ok(version) => versions.push(version),
                Err(damage) => damaged.push(damage),
            }
        }
        Ok(Some((hub, versions)))
    }

    pub(super) fn operations(&self, after: Option<Hash>, limit: usize) -> Result<Page> {
        let (start, end) = keys::kind(b'h');
        let from = after.map_or(start, |after| [keys::hub(after), vec![0]].concat());
        let mut page = Page::default();
        let mut rows = Vec::new();
        let mut last = None;
        self.range(&from, &end, false, |key, value| {
            let short = keys::parse_hub(key);
            match (short, codec::decode::<u64>(key, value)) {
                (Some(short), Ok(place)) => rows.push((short, place)),
                (_, Err(damage)) => page.damaged.push(damage),
                (None, Ok(_)) => page.damaged.push(Damage::new(keys::describe(key), "its key is not half a hash")),
            }
            last = short.or(last);
            rows.len() + page.damaged.len() < limit
        })?;
        if rows.len() + page.damaged.len() >= limit {
            page.next = last.map(|last| Scan::Operations { after: Some(padded(last)) });
        }
        for (short, place) in rows {
            match self.known_at(place)?.map(|known| known.operation) {
                Ok(found) if keys::short(found.hub.script_execution_hk) != short => {
                    let key = keys::describe(&keys::hub_of(short));
                    page.damaged.push(Damage::new(key, "it names another operation's place"));
                }
                Ok(found) if self.sees(&found.hub) => page.records.push(Record::Operation(Box::new(found))),
                Ok(_) => {}
                Err(damage) => page.damaged.push(damage),
            }
        }
        Ok(page)
    }

    pub(super) fn log(&self, after: Position, limit: usize) -> Result<Page> {
        // What is not acknowledged yet may still be lost, and its place given out again.
        let (_, last, _) = self.shared.tail.last().parts();
        let mut page = Page::default();
        let mut entries = Vec::new();
        let mut damaged = Vec::new();
        let visited = stored::log(self.engine, self.shared.place_after(after), &mut |entry| {
            match entry {
                Ok((place, _)) if place > last => return ControlFlow::Break(()),
                Ok(entry) => entries.push(entry),
                Err(damage) => damaged.push(damage),
            }
            if entries.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        self.engine(visited)?;
        page.damaged = damaged;
        for (place, key) in &entries {
            match self.entry(*place, *key)? {
                Ok(Some(entry)) if self.scope.sees(entry.version.tenant) => {
                    page.records.push(Record::Entry(Box::new(entry)));
                }
                Ok(_) => {}
                Err(damage) => page.damaged.push(damage),
            }
        }
        let more = entries.len() >= limit;
        page.next = entries.last().filter(|_| more).map(|(place, _)| Scan::Log { after: self.shared.position(*place) });
        Ok(page)
    }

    /// The version at a place of the log; none where retention removed it.
    fn entry(&self, place: u64, key: VersionKey) -> Result<Result<Option<Entry>, Damage>> {
        let read = self.engine(stored::first(self.engine, key.first))?;
        let first = read.and_then(|row| row.map(|row| self.first(key.first, row)).transpose());
        let (hub, first) = match first {
            Ok(Some(read)) => read,
            Ok(None) => return self.without_first(key),
            Err(damage) => return Ok(Err(damage)),
        };
        // The hub is found by its key, or not at all.
        let known = matches!(self.place(hub.script_execution_hk)?, Ok(Some(at)) if at == key.first);
        let hub = Some(hub).filter(|_| known);
        if key.number == 0 {
            return Ok(Ok(Some(Entry { hub, version: first })));
        }
        let missing = || Damage::new(keys::describe(&keys::version(key)), "it is missing");
        let row = self.engine(stored::next(self.engine, key))?.and_then(|row| row.ok_or_else(missing));
        Ok(row.and_then(|row| self.next(key, row, &first)).and_then(|version| {
            if version.position != self.shared.position(place) {
                return Err(Damage::new(keys::describe(&keys::version(key)), "the log has it at another place"));
            }
            Ok(Some(Entry { hub, version }))
        }))
    }

    fn without_first(&self, key: VersionKey) -> Result<Result<Option<Entry>, Damage>> {
        let left = self.engine(stored::last(self.engine, key.first))?;
        Ok(left.map_or(Ok(None), |(left, _)| {
            Err(Damage::new(keys::describe(&keys::version(left)), "the first version of its operation is missing"))
        }))
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
}

/// A hash that begins with half a hash key: as good as the whole one for resuming.
pub(super) fn padded(short: [u8; SHORT]) -> Hash {
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(short).for_each(|(to, from)| *to = from);
    Hash::from_bytes(bytes)
}
