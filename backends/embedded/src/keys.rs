//! The layout: one ordered map, a one-byte kind before each key.
//!
//! | kind | key | value |
//! |---|---|---|
//! | `m` | | what the store is |
//! | `n` | | the last place and the count of operations, written with each group |
//! | `d` | tenant hash | its number; 0 is the system |
//! | `y` | type | its number |
//! | `h` | hash key | hub: identity, first and open version |
//! | `v` | place | version, with the place of the one before it |
//! | `x` | place, piece | the rest of a version too long for one value |
//! | `t` | tenant, status, execution_timestamp, hash key (16 bytes) | type and duration |
//! | `c` | tenant, step, bucket, type | counter |
//! | `k` | moment | what a verify found |
//!
//! A version's end is the load date of its successor, so closing one writes nothing.

use opledger::{Hash, Status, Timestamp};

pub(crate) const META: &[u8] = b"m";
pub(crate) const TAIL: &[u8] = b"n";

/// The start of a kind, and of the one after it.
pub(crate) fn kind(kind: u8) -> (Vec<u8>, Vec<u8>) {
    (vec![kind], vec![kind + 1])
}

pub(crate) fn tenant(hash: Hash) -> Vec<u8> {
    with(b'd', &[hash.as_bytes()])
}

pub(crate) fn script_type(name: &str) -> Vec<u8> {
    with(b'y', &[name.as_bytes()])
}

pub(crate) fn hub(hk: Hash) -> Vec<u8> {
    with(b'h', &[hk.as_bytes()])
}

pub(crate) fn version(place: u64) -> Vec<u8> {
    with(b'v', &[&place.to_be_bytes()])
}

pub(crate) fn piece(place: u64, number: u16) -> Vec<u8> {
    with(b'x', &[&place.to_be_bytes(), &number.to_be_bytes()])
}

pub(crate) fn check(at: Timestamp) -> Vec<u8> {
    with(b'k', &[&sortable(at.as_micros())])
}

/// The part of a hash key that stands in index keys: enough that two never meet.
pub(crate) const SHORT: usize = 16;

pub(crate) fn index(tenant: u32, status: Status, at: Timestamp, hk: Hash) -> Vec<u8> {
    let short = hk.as_bytes().get(..SHORT).unwrap_or_default();
    with(b't', &[&tenant.to_be_bytes(), &[status_byte(status)], &sortable(at.as_micros()), short])
}

/// The start of all index keys of a tenant and status from the moment `at` on.
pub(crate) fn index_from(tenant: u32, status: Status, at: Timestamp) -> Vec<u8> {
    with(b't', &[&tenant.to_be_bytes(), &[status_byte(status)], &sortable(at.as_micros())])
}

/// The end of all index keys of a tenant and status.
pub(crate) fn index_end(tenant: u32, status: Status) -> Vec<u8> {
    with(b't', &[&tenant.to_be_bytes(), &[status_byte(status) + 1]])
}

/// What an index key says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct IndexKey {
    pub(crate) at: Timestamp,
    pub(crate) short: [u8; SHORT],
    pub(crate) status: Status,
    pub(crate) tenant: u32,
}

pub(crate) fn parse_index(key: &[u8]) -> Option<IndexKey> {
    let (tenant, rest) = key.strip_prefix(b"t")?.split_first_chunk::<4>()?;
    let (status, rest) = rest.split_first()?;
    let (at, rest) = rest.split_first_chunk::<8>()?;
    let status = Status::ALL.into_iter().find(|known| status_byte(*known) == *status)?;
    let at = Timestamp::from_micros(from_sortable(*at));
    Some(IndexKey { at, short: rest.try_into().ok()?, status, tenant: u32::from_be_bytes(*tenant) })
}

/// The width of a counter's bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Step {
    Minute,
    TenMinutes,
    Hour,
    Total,
}

impl Step {
    pub(crate) const ALL: [Self; 4] = [Self::Minute, Self::TenMinutes, Self::Hour, Self::Total];

    /// The width in microseconds; a total has none.
    pub(crate) fn width(self) -> Option<i64> {
        match self {
            Self::Minute => Some(60_000_000),
            Self::TenMinutes => Some(600_000_000),
            Self::Hour => Some(3_600_000_000),
            Self::Total => None,
        }
    }

    /// The bucket that a moment falls in, by the moment it begins.
    pub(crate) fn bucket(self, at: Timestamp) -> i64 {
        self.width().map_or(0, |width| {
            let micros = at.as_micros();
            // The very first bucket of time begins before time does.
            micros.checked_sub(micros.rem_euclid(width)).unwrap_or(i64::MIN)
        })
    }

    fn byte(self) -> u8 {
        match self {
            Self::Minute => 1,
            Self::Hour => 2,
            Self::Total => 3,
            Self::TenMinutes => 4,
        }
    }
}

/// What a counter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct CounterKey {
    pub(crate) tenant: u32,
    pub(crate) step: Step,
    pub(crate) bucket: i64,
    pub(crate) script_type: u32,
}

pub(crate) fn counter(key: CounterKey) -> Vec<u8> {
    let CounterKey { tenant, step, bucket, script_type } = key;
    with(b'c', &[&tenant.to_be_bytes(), &[step.byte()], &sortable(bucket), &script_type.to_be_bytes()])
}

/// The start of all counters of a tenant and step from a bucket on.
pub(crate) fn counters_from(tenant: u32, step: Step, bucket: i64) -> Vec<u8> {
    with(b'c', &[&tenant.to_be_bytes(), &[step.byte()], &sortable(bucket)])
}

pub(crate) fn parse_counter(key: &[u8]) -> Option<CounterKey> {
    let (tenant, rest) = key.strip_prefix(b"c")?.split_first_chunk::<4>()?;
    let (step, rest) = rest.split_first()?;
    let (bucket, rest) = rest.split_first_chunk::<8>()?;
    Some(CounterKey {
        tenant: u32::from_be_bytes(*tenant),
        step: Step::ALL.into_iter().find(|known| known.byte() == *step)?,
        bucket: from_sortable(*bucket),
        script_type: u32::from_be_bytes(rest.try_into().ok()?),
    })
}

fn status_byte(status: Status) -> u8 {
    match status {
        Status::Running => b'1',
        Status::Completed => b'3',
        Status::Failed => b'5',
    }
}

/// Bytes that sort as the numbers do.
fn sortable(number: i64) -> [u8; 8] {
    (number ^ i64::MIN).to_be_bytes()
}

fn from_sortable(bytes: [u8; 8]) -> i64 {
    i64::from_be_bytes(bytes) ^ i64::MIN
}

fn with(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + parts.iter().map(|part| part.len()).sum::<usize>());
    key.push(kind);
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key
}

/// A key in words, for reports of damage.
pub(crate) fn describe(key: &[u8]) -> String {
    let kind = match key.first() {
        Some(b'm' | b'n') => "store record",
        Some(b'd') => "tenant",
        Some(b'y') => "type",
        Some(b'h') => "operation",
        Some(b'v' | b'x') => "version",
        Some(b't') => "index entry",
        Some(b'c') => "counter",
        Some(b'k') => "check",
        _ => "record",
    };
    let hex: String = key.iter().skip(1).map(|byte| format!("{byte:02x}")).collect();
    format!("{kind} {hex}")
}
