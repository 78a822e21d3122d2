//! Sums of hashes: of what should follow from the log, and of what is stored.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};
use std::ops::ControlFlow;

use opledger::store::Damage;
use opledger::{Result, Status, Timestamp};

use crate::codec::{self, FirstHead, HubRow, IndexRow, NextHead, RowHead};
use crate::engine::Engine;
use crate::keys::{self, IndexKey, SHORT};
use crate::reader::Reader;

/// First versions kept at hand for those that follow them.
const AT_HAND: usize = 50_000;

/// The operations, where their versions are, and their index entries, each as a count and a sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Prints {
    pub(super) operations: u64,
    pub(super) entries: u64,
    places: u64,
    index: u64,
}

/// What was summed up, and what can't be read.
pub(super) type Printed = (Prints, Vec<Damage>);

impl Prints {
    /// Counts an operation by its first version.
    fn add(&mut self, first: &First, place: u64) {
        self.operations += 1;
        self.entries += 1;
        self.places = self.places.wrapping_add(places_hash(&first.short, HubRow::new(place, place)));
        self.index = self.index.wrapping_add(first.entry(first.status, first.duration_ms));
    }

    /// Counts a later version: it takes the place of the one before it.
    fn follow(&mut self, first: &First, place: u64, row: &NextHead) {
        let begin = row.first(place);
        let (was, is) = (HubRow::new(begin, row.previous(place)), HubRow::new(begin, place));
        self.places = self.places.wrapping_sub(places_hash(&first.short, was));
        self.places = self.places.wrapping_add(places_hash(&first.short, is));
        if row.status() != first.status {
            self.index = self.index.wrapping_sub(first.entry(first.status, first.duration_ms));
            self.index = self.index.wrapping_add(first.entry(row.status(), row.duration_ms));
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.operations += other.operations;
        self.entries += other.entries;
        self.places = self.places.wrapping_add(other.places);
        self.index = self.index.wrapping_add(other.index);
    }
}

/// What later versions need of an operation's first one.
#[derive(Clone, Copy)]
struct First {
    short: [u8; SHORT],
    tenant: u32,
    script_type: u32,
    started: Timestamp,
    status: Status,
    duration_ms: Option<i32>,
}

impl First {
    fn of(row: &FirstHead<'_>) -> Self {
        Self {
            short: keys::short(row.hash_key()),
            tenant: row.tenant,
            script_type: row.script_type,
            started: row.execution_timestamp,
            status: row.status(),
            duration_ms: row.duration_ms,
        }
    }

    fn entry(&self, status: Status, duration_ms: Option<i32>) -> u64 {
        let key = IndexKey { at: self.started, short: self.short, status, tenant: self.tenant };
        entry_hash(&key, IndexRow { script_type: self.script_type, duration_ms })
    }
}

fn entry_hash(key: &IndexKey, row: IndexRow) -> u64 {
    let IndexKey { at, short, status, tenant } = key;
    hash(&(short, tenant, status.as_str(), at.as_micros(), row.script_type, row.duration_ms))
}

fn places_hash(short: &[u8; SHORT], places: HubRow) -> u64 {
    hash(&(short, places.first, places.open()))
}

fn hash(value: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl<E: Engine> Reader<'_, E> {
    /// What should follow from the versions at the places in `[from, to)`, and those that can't be read.
    pub(super) fn print_part(&self, from: u64, to: u64) -> Result<Printed> {
        let mut prints = Prints::default();
        let mut damaged = Vec::new();
        let mut firsts: HashMap<u64, First> = HashMap::new();
        let mut failed = Ok(());
        self.visit_log(from, &mut |place, bytes| {
            if place >= to {
                return ControlFlow::Break(());
            }
            let named = |reason| Damage::new(keys::version_name(place), reason);
            match bytes.and_then(|bytes| codec::decode_head(bytes).map_err(named)) {
                Ok(RowHead::First(row)) => {
                    let first = First::of(&row);
                    prints.add(&first, place);
                    if firsts.len() >= AT_HAND {
                        firsts.clear();
                    }
                    firsts.insert(place, first);
                }
                Ok(RowHead::Next(row)) => {
                    let begin = row.first(place);
                    let first = match firsts.get(&begin).copied() {
                        Some(first) => Ok(Ok(first)),
                        None => self.first_of_all(begin),
                    };
                    match first {
                        Ok(Ok(first)) => prints.follow(&first, place, &row),
                        Ok(Err(damage)) if damaged.contains(&damage) => {}
                        Ok(Err(damage)) => damaged.push(damage),
                        Err(error) => {
                            failed = Err(error);
                            return ControlFlow::Break(());
                        }
                    }
                    if row.status().is_finished() {
                        firsts.remove(&begin);
                    }
                }
                Err(damage) => damaged.push(damage),
            }
            ControlFlow::Continue(())
        })?;
        failed.map(|()| (prints, damaged))
    }

    fn first_of_all(&self, place: u64) -> Result<Result<First, Damage>> {
        Ok(self.first_row(place)?.map(|row| First {
            short: keys::short(row.hash_key()),
            tenant: row.tenant,
            script_type: row.script_type,
            started: row.execution_timestamp,
            status: row.status(),
            duration_ms: row.duration_ms,
        }))
    }

    /// What the hubs say.
    pub(super) fn print_hubs(&self) -> Result<Printed> {
        let (mut prints, mut damaged) = Printed::default();
        let (from, to) = keys::kind(b'h');
        self.range(&from, &to, false, |key, value| {
            prints.operations += 1;
            match (keys::parse_hub(key), codec::decode::<HubRow>(key, value)) {
                (Some(short), Ok(places)) => {
                    prints.places = prints.places.wrapping_add(places_hash(&short, places));
                }
                (_, Err(damage)) => damaged.push(damage),
                (None, Ok(_)) => damaged.push(Damage::new(keys::describe(key), "its key is not half a hash")),
            }
            true
        })?;
        Ok((prints, damaged))
    }

    /// What the index entries say.
    pub(super) fn print_entries(&self) -> Result<Printed> {
        let (mut prints, mut damaged) = Printed::default();
        let (from, to) = keys::kind(b't');
        self.range(&from, &to, false, |key, value| {
            prints.entries += 1;
            match (keys::parse_index(key), codec::decode::<IndexRow>(key, value)) {
                (Some(parsed), Ok(row)) => prints.index = prints.index.wrapping_add(entry_hash(&parsed, row)),
                (_, Err(damage)) => damaged.push(damage),
                (None, Ok(_)) => damaged.push(Damage::new(keys::describe(key), "its key does not parse")),
            }
            true
        })?;
        Ok((prints, damaged))
    }
}
