//! History: operations by execution_timestamp, then hash key, both descending, merged from the index of each
//! tenant and status that is asked for.

use opledger::store::{Damage, Page, Record, Scan};
use opledger::{Hash, Result, Status, Timestamp};

use super::Reader;
use super::lists::padded;
use crate::codec::{self, IndexRow};
use crate::engine::Engine;
use crate::keys::{self, IndexKey};

impl<E: Engine> Reader<'_, E> {
    pub(super) fn history(&self, scan: &Scan, limit: usize) -> Result<Page> {
        let mut page = Page::default();
        let Scan::History { since, until, status, script_type, before } = scan else { return Ok(page) };
        let wanted_type = match script_type.as_deref().map(|name| self.shared.type_number(name)) {
            Some(None) => return Ok(page),
            Some(Some(number)) => Some(number),
            None => None,
        };
        let low = since.map_or(Timestamp::MIN, Timestamp::next);
        let bound = Bound { low, until: *until, before: *before };
        let mut found = Vec::new();
        for tenant in self.shared.tenants(self.scope) {
            for status in Status::ALL.into_iter().filter(|known| status.is_none_or(|wanted| wanted == *known)) {
                self.index_page(tenant, status, &bound, wanted_type, limit, &mut found, &mut page.damaged)?;
            }
        }
        // The newest of each list are among the newest of all.
        found.sort_unstable_by(|a, b| b.cmp(a));
        let more = found.len() >= limit;
        found.truncate(limit);
        for key in &found {
            let hub = keys::hub_of(key.short);
            let places = self.places_at(&hub)?;
            let read = match places
                .and_then(|places| places.ok_or_else(|| Damage::new(keys::describe(&hub), "it is missing")))
            {
                Ok(places) => self.known_at(places)?,
                Err(damage) => Err(damage),
            };
            match read.map(|known| known.operation) {
                Ok(operation) if keys::short(operation.hub.script_execution_hk) == key.short => {
                    page.records.push(Record::Operation(Box::new(operation)));
                }
                Ok(_) => page.damaged.push(Damage::new(keys::describe(&hub), "it names another operation's place")),
                Err(damage) => page.damaged.push(damage),
            }
        }
        page.next = found.last().filter(|_| more).map(|last| Scan::History {
            since: *since,
            until: *until,
            status: *status,
            script_type: script_type.clone(),
            before: Some((last.at, padded(last.short))),
        });
        Ok(page)
    }

    #[allow(clippy::too_many_arguments)]
    fn index_page(
        &self,
        tenant: u32,
        status: Status,
        bound: &Bound,
        wanted_type: Option<u32>,
        limit: usize,
        found: &mut Vec<IndexKey>,
        damaged: &mut Vec<Damage>,
    ) -> Result<()> {
        let from = keys::index_from(tenant, status, bound.low);
        let to = bound.end(tenant, status);
        let mut count = 0;
        self.range(&from, &to, true, |key, value| {
            match (keys::parse_index(key), codec::decode::<IndexRow>(key, value)) {
                (Some(parsed), Ok(row)) => {
                    if wanted_type.is_none_or(|wanted| wanted == row.script_type) {
                        found.push(parsed);
                        count += 1;
                    }
                }
                (_, Err(damage)) => damaged.push(damage),
                (None, Ok(_)) => damaged.push(Damage::new(keys::describe(key), "its key does not parse")),
            }
            count < limit
        })
    }
}

/// Where a history begins and ends.
struct Bound {
    low: Timestamp,
    until: Option<Timestamp>,
    before: Option<(Timestamp, Hash)>,
}

impl Bound {
    fn end(&self, tenant: u32, status: Status) -> Vec<u8> {
        let until = self.until.filter(|until| *until < Timestamp::MAX);
        let end = until
            .map_or_else(|| keys::index_end(tenant, status), |until| keys::index_from(tenant, status, until.next()));
        match self.before {
            Some((at, hk)) => end.min(keys::index(tenant, status, at, hk)),
            None => end,
        }
    }
}
