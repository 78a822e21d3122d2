//! Pages of the log. A long one is decoded by several threads: reading its bytes is the small part of it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::{ControlFlow, Range};
use std::thread;

use opledger::store::{Damage, Entry as LogEntry, Page, Record, Scan};
use opledger::{Error, ErrorKind, Position, Result};

use super::Reader;
use crate::block;
use crate::codec::Row;
use crate::engine::Engine;

/// Versions that are worth a thread.
const PART: usize = 500;
const THREADS: usize = 4;

/// What was decoded, and what later versions are built on.
#[derive(Default)]
struct Part {
    #[allow(clippy::vec_box, reason = "they become boxed records: boxed here, in its thread, they are moved once")]
    entries: Vec<Box<LogEntry>>,
    damaged: Vec<Damage>,
    /// Where in `entries` the first version at a place is.
    places: HashMap<u64, usize>,
    /// First versions from before this part, or of what the scope does not see.
    firsts: HashMap<u64, LogEntry>,
}

#[allow(clippy::vec_box, reason = "as in Part")]
type Decoded = Result<(Vec<Box<LogEntry>>, Vec<Damage>)>;

/// Versions as they are stored, one behind another.
#[derive(Default)]
struct Rows {
    bytes: Vec<u8>,
    /// The place of each, and where it is in `bytes`.
    places: Vec<(u64, Range<usize>)>,
}

impl Rows {
    fn push(&mut self, place: u64, row: &[u8]) {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(row);
        self.places.push((place, from..self.bytes.len()));
    }
}

impl<E: Engine> Reader<'_, E> {
    pub(super) fn log(&self, after: Position, limit: usize) -> Result<Page> {
        // What is not acknowledged yet may still be lost, and its place given out again.
        let (_, last, _) = self.shared.tail.last().parts();
        let mut rows = Rows::default();
        let mut page = Page::default();
        let mut reached = None;
        self.visit_log(self.shared.place_after(after), &mut |place, bytes| {
            if place > last {
                return ControlFlow::Break(());
            }
            match bytes {
                Ok(bytes) => rows.push(place, bytes),
                Err(damage) => page.damaged.push(damage),
            }
            reached = Some(place);
            if rows.places.len() + page.damaged.len() < limit {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        let more = rows.places.len() + page.damaged.len() >= limit;
        for decoded in self.decode(&rows) {
            let (entries, damaged) = decoded?;
            page.records.extend(entries.into_iter().map(Record::Entry));
            page.damaged.extend(damaged);
        }
        page.next = reached.filter(|_| more).map(|place| Scan::Log { after: self.shared.position(place) });
        Ok(page)
    }

    fn decode(&self, rows: &Rows) -> Vec<Decoded> {
        let Rows { bytes, places } = rows;
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let parts = cores.min(THREADS).min(places.len() / PART).max(1);
        if parts == 1 {
            return vec![self.decode_part(bytes, places)];
        }
        thread::scope(|scope| {
            let parts: Vec<_> = places
                .chunks(places.len().div_ceil(parts))
                .map(|part| scope.spawn(move || self.decode_part(bytes, part)))
                .collect();
            parts.into_iter().map(|part| part.join().unwrap_or_else(|_| Err(panicked()))).collect()
        })
    }

    fn decode_part(&self, bytes: &[u8], places: &[(u64, Range<usize>)]) -> Decoded {
        let mut part = Part { entries: Vec::with_capacity(places.len()), ..Part::default() };
        for (place, range) in places {
            let row = block::parse(*place, bytes.get(range.clone()).unwrap_or_default());
            let is_first = matches!(row, Ok(Row::First(_)));
            let decoded = match row {
                Ok(row) => self.entry(*place, row, &mut part)?,
                Err(damage) => Err(damage),
            };
            match decoded {
                Ok(entry) if self.scope.sees(entry.version.tenant) => {
                    if is_first {
                        part.places.insert(*place, part.entries.len());
                    }
                    part.entries.push(Box::new(entry));
                }
                Ok(_) => {}
                Err(damage) => part.damaged.push(damage),
            }
        }
        Ok((part.entries, part.damaged))
    }

    /// The version at a place of the log, with its hub.
    fn entry(&self, place: u64, row: Row, part: &mut Part) -> Result<Result<LogEntry, Damage>> {
        let row = match row {
            Row::First(row) => {
                return Ok(self.first(place, *row).map(|(hub, version)| LogEntry { hub: Some(hub), version }));
            }
            Row::Next(row) => row,
        };
        let first_place = row.first(place);
        let in_part = part.places.get(&first_place).and_then(|index| part.entries.get(*index));
        let first = match (in_part, part.firsts.entry(first_place)) {
            (Some(entry), _) => &**entry,
            (None, Entry::Occupied(read)) => read.into_mut(),
            (None, Entry::Vacant(vacant)) => {
                match self.first_row(first_place)?.and_then(|row| self.first(first_place, row)) {
                    Ok((hub, version)) => vacant.insert(LogEntry { hub: Some(hub), version }),
                    Err(damage) => return Ok(Err(damage)),
                }
            }
        };
        let version = self.next(place, *row, first_place, &first.version);
        Ok(version.map(|version| LogEntry { hub: first.hub.clone(), version }))
    }
}

fn panicked() -> Error {
    Error::new(ErrorKind::Corrupt, "a thread that decoded the log panicked")
}
