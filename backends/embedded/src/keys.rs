//! The layout: one ordered map, a one-byte kind before each key.
//!
//! | kind | key | value |
//! |---|---|---|
//! | `m` | | what the store is |
//! | `n` | | up to which place the stored counters count |
//! | `d` | tenant hash | its number; 0 is the system |
//! | `y` | type | its number |
//! | `h` | hash key (16 bytes) | the places of its first and its open version |
//! | `v` | place | a block of the log: the versions at this place and at those that follow |
//! | `x` | place, piece | the rest of a block too long for one value |
//! | `t` | tenant, status, execution_timestamp, hash key (16 bytes) | type and duration |
//! | `c` | tenant, step, bucket, type | counter |
//! | `k` | moment | what a verify found |
//! | `o` | kind, hash key, load date | a version of a document |
//!
//! The log is all that is written at once; `h`, `t` and `c` follow from it, and are written now and then. A version is never
//! written again: its end is the load date of its successor.

use opledger::model::Kind;
use opledger::{Hash, Status, Timestamp};

pub(crate) const META: &[u8] = b"m";
pub(crate) const COUNTED: &[u8] = b"n";

/// Whether an entry follows from the log.
pub(crate) fn is_index(key: &[u8]) -> bool {
    matches!(key, [b'h' | b't' | b'c', ..])
}

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
    with(b'h', &[&short(hk)])
}

pub(crate) fn hub_of(short: [u8; SHORT]) -> Vec<u8> {
    with(b'h', &[&short])
}

/// What a hub key says.
pub(crate) fn parse_hub(key: &[u8]) -> Option<[u8; SHORT]> {
    key.strip_prefix(b"h")?.try_into().ok()
}

pub(crate) fn block(place: u64) -> Vec<u8> {
    with(b'v', &[&place.to_be_bytes()])
}

pub(crate) fn parse_block(key: &[u8]) -> Option<u64> {
    let place = key.strip_prefix(b"v")?.try_into().ok().map(u64::from_be_bytes)?;
    // No log is that long, and nothing that is added to such a place may wrap.
    (place <= u64::MAX / 2).then_some(place)
}

pub(crate) fn piece(place: u64, piece: u16) -> Vec<u8> {
    with(b'x', &[&place.to_be_bytes(), &piece.to_be_bytes()])
}

/// The name of the version at a place, for reports of damage.
pub(crate) fn version_name(place: u64) -> String {
    describe(&block(place))
}

pub(crate) fn check(at: Timestamp) -> Vec<u8> {
    with(b'k', &[&sortable(at.as_micros())])
}

/// A version of a document.
pub(crate) fn document(kind: Kind, key: Hash, load_date: Timestamp) -> Vec<u8> {
    with(b'o', &[&[kind_byte(kind)], key.as_bytes(), &sortable(load_date.as_micros())])
}

/// The range of all versions of a document.
pub(crate) fn document_versions(kind: Kind, key: Hash) -> (Vec<u8>, Vec<u8>) {
    let last = document(kind, key, Timestamp::MAX);
    (document(kind, key, Timestamp::MIN), [last, vec![0]].concat())
}

/// The range of all documents of a kind.
pub(crate) fn documents(kind: Kind) -> (Vec<u8>, Vec<u8>) {
    (with(b'o', &[&[kind_byte(kind)]]), with(b'o', &[&[kind_byte(kind) + 1]]))
}

/// Whose version a document's key names, and since when it is known.
pub(crate) fn parse_document(key: &[u8]) -> Option<(Kind, Hash, Timestamp)> {
    let (kind, rest) = key.strip_prefix(b"o")?.split_first()?;
    let (hash, load_date) = rest.split_first_chunk::<32>()?;
    let kind = Kind::ALL.into_iter().find(|known| kind_byte(*known) == *kind)?;
    let load_date = Timestamp::from_micros(from_sortable(load_date.try_into().ok()?));
    Some((kind, Hash::from_bytes(*hash), load_date))
}

fn kind_byte(kind: Kind) -> u8 {
    match kind {
        Kind::Peer => b'a',
        Kind::Conflict => b'c',
        Kind::Gap => b'e',
        Kind::Tenant => b'g',
        Kind::User => b'i',
        Kind::Credential => b'k',
        Kind::Session => b'm',
        Kind::Attempts => b'p',
    }
}

/// The part of a hash key that stands in index keys: enough that two never meet.
pub(crate) const SHORT: usize = 16;

pub(crate) fn short(hk: Hash) -> [u8; SHORT] {
    let mut short = [0; SHORT];
    short.iter_mut().zip(hk.as_bytes()).for_each(|(to, from)| *to = *from);
    short
}

pub(crate) fn index(tenant: u32, status: Status, at: Timestamp, hk: Hash) -> Vec<u8> {
    IndexKey { at, short: short(hk), status, tenant }.key()
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

impl IndexKey {
    pub(crate) fn key(&self) -> Vec<u8> {
        let Self { at, short, status, tenant } = self;
        with(b't', &[&tenant.to_be_bytes(), &[status_byte(*status)], &sortable(at.as_micros()), short])
    }
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

impl CounterKey {
    pub(crate) fn bucket(&self) -> BucketKey {
        BucketKey { tenant: self.tenant, step: self.step, bucket: self.bucket }
    }
}

/// The counters of all types in one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct BucketKey {
    pub(crate) tenant: u32,
    pub(crate) step: Step,
    pub(crate) bucket: i64,
}

impl BucketKey {
    pub(crate) fn counter(self, script_type: u32) -> CounterKey {
        CounterKey { tenant: self.tenant, step: self.step, bucket: self.bucket, script_type }
    }
}

pub(crate) fn counter(key: CounterKey) -> Vec<u8> {
    let CounterKey { tenant, step, bucket, script_type } = key;
    with(b'c', &[&tenant.to_be_bytes(), &[step.byte()], &sortable(bucket), &script_type.to_be_bytes()])
}

/// The start of all counters of a tenant and step from a bucket on.
pub(crate) fn counters_from(tenant: u32, step: Step, bucket: i64) -> Vec<u8> {
    with(b'c', &[&tenant.to_be_bytes(), &[step.byte()], &sortable(bucket)])
}

/// The range of all counters of a tenant and step.
pub(crate) fn counters_of(tenant: u32, step: Step) -> (Vec<u8>, Vec<u8>) {
    (with(b'c', &[&tenant.to_be_bytes(), &[step.byte()]]), with(b'c', &[&tenant.to_be_bytes(), &[step.byte() + 1]]))
}

/// The range of the counters in a bucket.
pub(crate) fn counters_in(key: BucketKey) -> (Vec<u8>, Vec<u8>) {
    let BucketKey { tenant, step, bucket } = key;
    let start = counters_from(tenant, step, bucket);
    // The last bucket of time has none after it.
    let end =
        bucket.checked_add(1).map_or_else(|| counters_of(tenant, step).1, |next| counters_from(tenant, step, next));
    (start, end)
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
        Some(b'o') => "document",
        _ => "record",
    };
    let hex: String = key.iter().skip(1).map(|byte| format!("{byte:02x}")).collect();
    format!("{kind} {hex}")
}
