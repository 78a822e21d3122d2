//! Sums of hashes: of what should follow from the log, and of what is stored.

use std::hash::{DefaultHasher, Hash as _, Hasher};

use opledger::store::Damage;
use opledger::{Hash, Result, Status, Timestamp};

use crate::codec::{self, FirstRow, FirstView, HubRow, IndexRow, NextView};
use crate::engine::Engine;
use crate::keys::{self, IndexKey, SHORT};
use crate::reader::Reader;

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
    pub(super) fn add(&mut self, first: &First, place: u64) {
        self.operations += 1;
        self.entries += 1;
        self.places = self.places.wrapping_add(places_hash(&first.short, HubRow::new(place, place)));
        self.index = self.index.wrapping_add(first.entry(first.status, first.duration_ms));
    }

    /// Counts a later version: it takes the place of the one before it.
    pub(super) fn follow(&mut self, first: &First, place: u64, row: &NextView<'_>) {
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
#[derive(Debug, Clone, Copy)]
pub(super) struct First {
    short: [u8; SHORT],
    tenant: u32,
    script_type: u32,
    pub(super) started: Timestamp,
    status: Status,
    duration_ms: Option<i32>,
}

impl First {
    /// The first version of the operation `hk`.
    pub(super) fn of(row: &FirstView<'_>, hk: Hash) -> Self {
        Self {
            short: keys::short(hk),
            tenant: row.tenant,
            script_type: row.script_type,
            started: row.execution_timestamp,
            status: row.status(),
            duration_ms: row.duration_ms,
        }
    }

    /// The same, of one that was read by itself.
    pub(super) fn of_row(row: &FirstRow) -> Self {
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
    let [low, high] = halves(short);
    let duration = row.duration_ms.map_or(0, |ms| 1 << 32 | u64::from(ms.cast_unsigned()));
    let number = u64::from(*tenant) << 32 | u64::from(row.script_type);
    hash([low, high, number, *status as u64, at.as_micros().cast_unsigned(), duration])
}

fn places_hash(short: &[u8; SHORT], places: HubRow) -> u64 {
    let [low, high] = halves(short);
    hash([low, high, places.first, places.open()])
}

fn halves(short: &[u8; SHORT]) -> [u64; 2] {
    let number = u128::from_le_bytes(*short);
    [number as u64, (number >> 64) as u64]
}

/// Words side by side are hashed in one piece; field by field it takes several times as long.
fn hash<const N: usize>(words: [u64; N]) -> u64 {
    let mut hasher = DefaultHasher::new();
    words.hash(&mut hasher);
    hasher.finish()
}

impl<E: Engine> Reader<'_, E> {
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
