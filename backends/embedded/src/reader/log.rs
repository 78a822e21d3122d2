//! Pages of the log. A long one is decoded by several threads: reading its bytes is the small part of it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::ControlFlow;
use std::thread;

use opledger::model::{Hub, Version};
use opledger::store::{Damage, Entry as LogEntry, Page, Record, Scan};
use opledger::{Error, ErrorKind, Position, Result};

use super::{Reader, missing};
use crate::block;
use crate::codec::Row;
use crate::engine::Engine;

/// Versions that are worth a thread.
const PART: usize = 500;
const THREADS: usize = 4;

/// Hubs and first versions by their place.
type Firsts = HashMap<u64, (Hub, Version)>;
type Decoded = Result<(Vec<LogEntry>, Vec<Damage>)>;

impl<E: Engine> Reader<'_, E> {
    pub(super) fn log(&self, after: Position, limit: usize) -> Result<Page> {
        // What is not acknowledged yet may still be lost, and its place given out again.
        let (_, last, _) = self.shared.tail.last().parts();
        let mut rows: Vec<(u64, Vec<u8>)> = Vec::new();
        let mut page = Page::default();
        let mut reached = None;
        self.visit_log(self.shared.place_after(after), &mut |place, bytes| {
            if place > last {
                return ControlFlow::Break(());
            }
            match bytes {
                Ok(bytes) => rows.push((place, bytes.to_vec())),
                Err(damage) => page.damaged.push(damage),
            }
            reached = Some(place);
            if rows.len() + page.damaged.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        let more = rows.len() + page.damaged.len() >= limit;
        for decoded in self.decode(&rows) {
            let (entries, damaged) = decoded?;
            page.records.extend(entries.into_iter().map(|entry| Record::Entry(Box::new(entry))));
            page.damaged.extend(damaged);
        }
        page.next = reached.filter(|_| more).map(|place| Scan::Log { after: self.shared.position(place) });
        Ok(page)
    }

    fn decode(&self, rows: &[(u64, Vec<u8>)]) -> Vec<Decoded> {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let parts = cores.min(THREADS).min(rows.len() / PART).max(1);
        if parts == 1 {
            return vec![self.decode_part(rows)];
        }
        thread::scope(|scope| {
            let parts: Vec<_> = rows
                .chunks(rows.len().div_ceil(parts))
                .map(|part| scope.spawn(move || self.decode_part(part)))
                .collect();
            parts.into_iter().map(|part| part.join().unwrap_or_else(|_| Err(panicked()))).collect()
        })
    }

    fn decode_part(&self, rows: &[(u64, Vec<u8>)]) -> Decoded {
        let (mut entries, mut damaged) = (Vec::with_capacity(rows.len()), Vec::new());
        let mut firsts = Firsts::new();
        for (place, bytes) in rows {
            let entry = match block::parse(*place, bytes) {
                Ok(row) => self.entry(*place, row, &mut firsts)?,
                Err(damage) => Err(damage),
            };
            match entry {
                Ok(entry) if self.scope.sees(entry.version.tenant) => entries.push(entry),
                Ok(_) => {}
                Err(damage) => damaged.push(damage),
            }
        }
        Ok((entries, damaged))
    }

    /// The version at a place of the log, with its hub.
    fn entry(&self, place: u64, row: Row, firsts: &mut Firsts) -> Result<Result<LogEntry, Damage>> {
        let (first_place, next) = match row {
            Row::First(row) => {
                let read = match self.first(place, *row) {
                    Ok(read) => read,
                    Err(damage) => return Ok(Err(damage)),
                };
                firsts.insert(place, read);
                (place, None)
            }
            Row::Next(row) => (row.first(place), Some(row)),
        };
        if let Entry::Vacant(vacant) = firsts.entry(first_place) {
            match self.first_row(first_place)?.and_then(|row| self.first(first_place, row)) {
                Ok(read) => vacant.insert(read),
                Err(damage) => return Ok(Err(damage)),
            };
        }
        let Some((hub, first)) = firsts.get(&first_place) else { return Ok(Err(missing(first_place))) };
        let version = match next {
            None => Ok(first.clone()),
            Some(row) => self.next(place, *row, first_place, first),
        };
        Ok(version.map(|version| LogEntry { hub: Some(hub.clone()), version }))
    }
}

fn panicked() -> Error {
    Error::new(ErrorKind::Corrupt, "a thread that decoded the log panicked")
}
