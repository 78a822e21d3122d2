//! Scans in the order of a key: versions of one operation, all operations, the log, checks.

use opledger::model::{Check, Hub, Version};
use opledger::store::{Damage, Page, Record, Scan};
use opledger::{Hash, Result, Timestamp};

use super::Reader;
use crate::codec::{self, HubRow};
use crate::engine::Engine;
use crate::keys::{self, SHORT};

impl<E: Engine> Reader<'_, E> {
    pub(super) fn versions(&self, hk: Hash, after: Option<Timestamp>, limit: usize) -> Result<Page> {
        let mut page = Page::default();
        let places = match self.places(hk)? {
            Ok(Some(places)) => places,
            Ok(None) => return Ok(page),
            Err(damage) => {
                page.damaged.push(damage);
                return Ok(page);
            }
        };
        let Some((hub, mut versions)) = self.versions_at(places, &mut page.damaged)? else { return Ok(page) };
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

    /// The versions at these places and between, each open, and their hub; none where there is no first one.
    fn versions_at(&self, places: HubRow, damaged: &mut Vec<Damage>) -> Result<Option<(Hub, Vec<Version>)>> {
        let (hub, first) = match self.first_row(places.first)?.and_then(|row| self.first(places.first, row)) {
            Ok(read) => read,
            Err(damage) => {
                damaged.push(damage);
                return Ok(None);
            }
        };
        let mut versions = Vec::new();
        let mut place = places.open();
        while place > places.first {
            let row = self.next_row(place)?;
            let previous = row.as_ref().map(|row| row.previous(place)).ok();
            match row.and_then(|row| self.next(place, row, places.first, &first)) {
                Ok(version) => versions.push(version),
                Err(damage) => damaged.push(damage),
            }
            // Behind a damaged version the chain is lost, but for the first one.
            place = previous.unwrap_or(places.first);
        }
        versions.push(first);
        versions.reverse();
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
            match (short, codec::decode::<HubRow>(key, value)) {
                (Some(short), Ok(places)) => rows.push((short, places)),
                (_, Err(damage)) => page.damaged.push(damage),
                (None, Ok(_)) => page.damaged.push(Damage::new(keys::describe(key), "its key is not half a hash")),
            }
            last = short.or(last);
            rows.len() + page.damaged.len() < limit
        })?;
        if rows.len() + page.damaged.len() >= limit {
            page.next = last.map(|last| Scan::Operations { after: Some(padded(last)) });
        }
        for (short, places) in rows {
            match self.known_at(places)?.map(|known| known.operation) {
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
