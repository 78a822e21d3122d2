//! Blocks of the log: versions one after another, as they came.
//!
//! ```text
//! format (1), count (2), a length for each version (4), checksum of all that (4); then for each: checksum (4), bytes
//! ```
//!
//! A version whose length is 0 was removed by retention. Each has a checksum of its own, so that a damaged one does not
//! take its neighbours along.

use std::borrow::Cow;
use std::ops::{ControlFlow, Range};

use opledger::store::Damage;

use crate::codec::{self, FORMAT, FirstRow, NextRow, Row};
use crate::engine::{Engine, EngineResult};
use crate::keys;

/// The longest value; longer blocks are split. sled moves a page of over 128 KiB into a file of its own, and
/// splits pages by their count of entries: 16 neighbours of this size still fit.
const PIECE: usize = 7 << 10;
const CHECKSUM: usize = 4;
const LENGTH: usize = 4;
/// Format and count.
const HEAD: usize = 3;

/// What was read, or the damage of that record alone.
pub(crate) type Read<T> = EngineResult<Result<T, Damage>>;

/// A block as it is read. A version's checksum is compared when the version is asked for: most readers want one.
#[derive(Debug, Default)]
pub(crate) struct Block<'a> {
    bytes: Cow<'a, [u8]>,
    rows: Vec<Slot>,
    /// The values it takes in the engine.
    pieces: u16,
}

#[derive(Debug, Clone)]
enum Slot {
    Removed,
    /// Where its checksum and its bytes stand.
    At(Range<usize>),
    Cut,
}

impl<'a> Block<'a> {
    fn parse(bytes: Cow<'a, [u8]>) -> Result<Self, String> {
        let short = || "it is too short for a block".to_owned();
        let (&[format, low, high], rest) = bytes.split_first_chunk::<HEAD>().ok_or_else(short)?;
        let count = usize::from(u16::from_le_bytes([low, high]));
        let (lengths, rest) = rest.split_at_checked(count * LENGTH).ok_or_else(short)?;
        let checksum = rest.first_chunk::<CHECKSUM>().ok_or_else(short)?;
        let head = bytes.get(..HEAD + count * LENGTH).unwrap_or_default();
        if crc32fast::hash(head).to_le_bytes() != *checksum {
            return Err("its checksum does not fit its content".to_owned());
        }
        codec::check_format(format)?;
        let mut at = HEAD + count * LENGTH + CHECKSUM;
        let mut rows = Vec::with_capacity(count);
        for length in lengths.as_chunks::<LENGTH>().0 {
            let length = u32::from_le_bytes(*length) as usize;
            let end = at.saturating_add(CHECKSUM + length);
            rows.push(match length {
                0 => Slot::Removed,
                _ if end <= bytes.len() => {
                    let slot = Slot::At(at..end);
                    at = end;
                    slot
                }
                _ => {
                    at = bytes.len();
                    Slot::Cut
                }
            });
        }
        let pieces = u16::try_from(bytes.len().div_ceil(PIECE)).unwrap_or(u16::MAX);
        Ok(Self { bytes, rows, pieces })
    }

    /// The bytes of the version in a slot; none where it was removed.
    fn slot(&self, slot: &Slot) -> Result<Option<&[u8]>, String> {
        let range = match slot {
            Slot::Removed => return Ok(None),
            Slot::Cut => return Err("it is cut short".to_owned()),
            Slot::At(range) => range.clone(),
        };
        let (checksum, row) = self.bytes.get(range).unwrap_or_default().split_at_checked(CHECKSUM).unwrap_or_default();
        if crc32fast::hash(row).to_le_bytes() != *checksum {
            return Err("its checksum does not fit its content".to_owned());
        }
        Ok(Some(row))
    }

    fn read(&self) -> impl Iterator<Item = Result<Option<&[u8]>, String>> {
        self.rows.iter().map(|slot| self.slot(slot))
    }

    /// How many values it takes in the engine.
    pub(crate) fn pieces(&self) -> u16 {
        self.pieces
    }

    /// How many places it has.
    pub(crate) fn len(&self) -> u64 {
        u64::try_from(self.rows.len()).unwrap_or(u64::MAX)
    }

    /// Whether nothing is left in it, not even something damaged.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.iter().all(|slot| matches!(slot, Slot::Removed))
    }

    /// Removes the version at the `index`th place.
    pub(crate) fn remove(&mut self, index: u64) {
        if let Some(slot) = usize::try_from(index).ok().and_then(|index| self.rows.get_mut(index)) {
            *slot = Slot::Removed;
        }
    }

    /// The entries of a block that lost some of its versions. A damaged version can't be kept.
    pub(crate) fn entries(&self, place: u64) -> Vec<(Vec<u8>, Vec<u8>)> {
        let rows: Vec<&[u8]> = self.read().map(|row| row.ok().flatten().unwrap_or_default()).collect();
        pieces(place, &encode(&rows))
    }

    /// Whether each of its versions can be read.
    pub(crate) fn is_whole(&self) -> bool {
        self.read().all(|row| row.is_ok())
    }

    /// The version at a place, in a block that begins at `begin`; none where it was removed.
    pub(crate) fn row(&self, begin: u64, place: u64) -> Result<Option<Row>, Damage> {
        let index = usize::try_from(place.saturating_sub(begin)).unwrap_or(usize::MAX);
        let Some(slot) = self.rows.get(index) else { return Ok(None) };
        match self.slot(slot).map_err(|reason| damage(place, reason))? {
            Some(bytes) => parse(place, bytes).map(Some),
            None => Ok(None),
        }
    }
}

fn damage(place: u64, reason: String) -> Damage {
    Damage::new(keys::version_name(place), reason)
}

fn encode(rows: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(rows.iter().map(|row| row.len() + LENGTH + CHECKSUM).sum::<usize>() + 16);
    bytes.push(FORMAT);
    bytes.extend_from_slice(&u16::try_from(rows.len()).unwrap_or(u16::MAX).to_le_bytes());
    for row in rows {
        bytes.extend_from_slice(&u32::try_from(row.len()).unwrap_or(u32::MAX).to_le_bytes());
    }
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    for row in rows.iter().filter(|row| !row.is_empty()) {
        bytes.extend_from_slice(&crc32fast::hash(row).to_le_bytes());
        bytes.extend_from_slice(row);
    }
    bytes
}

fn pieces(place: u64, bytes: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let key = |number: usize| match u16::try_from(number) {
        Ok(0) => keys::block(place),
        number => keys::piece(place, number.unwrap_or(u16::MAX)),
    };
    bytes.chunks(PIECE).enumerate().map(|(number, piece)| (key(number), piece.to_vec())).collect()
}

/// The entries that hold new versions, of which the first stands at `place`.
pub(crate) fn blocks(place: u64, rows: &[Vec<u8>]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut entries = Vec::new();
    let mut begin = place;
    let mut rest = rows;
    while !rest.is_empty() {
        let mut size = HEAD + CHECKSUM;
        let fits = |row: &&Vec<u8>| {
            size += row.len() + LENGTH + CHECKSUM;
            size <= PIECE
        };
        let count = rest.iter().take_while(fits).count().max(1);
        let (block, after) = rest.split_at(count);
        let block: Vec<&[u8]> = block.iter().map(Vec::as_slice).collect();
        entries.extend(pieces(begin, &encode(&block)));
        begin += u64::try_from(count).unwrap_or(0);
        rest = after;
    }
    entries
}

fn join<'a, E: Engine>(engine: &E, place: u64, bytes: Cow<'a, [u8]>) -> Read<Block<'a>> {
    let mut whole = bytes;
    if whole.len() == PIECE {
        for number in 1.. {
            let Some(piece) = engine.get(&keys::piece(place, number))? else { break };
            whole.to_mut().extend_from_slice(&piece);
            // Only a full piece has another one after it.
            if piece.len() < PIECE {
                break;
            }
        }
    }
    Ok(Block::parse(whole).map_err(|reason| Damage::new(keys::version_name(place), reason)))
}

/// The block that holds a place, and where it begins; none where there is no such block.
pub(crate) fn find<E: Engine>(engine: &E, place: u64) -> EngineResult<Option<(u64, Result<Block<'static>, Damage>)>> {
    let length = |block: &Result<Block<'static>, Damage>| block.as_ref().ok().map(Block::len);
    Ok(last_until(engine, place)?.filter(|(begin, block)| holds(place, *begin, length(block))))
}

/// Whether a place is in a block; one of unknown length goes on to the next. An engine that reads wrong bytes may give
/// a block that begins later.
pub(crate) fn holds(place: u64, begin: u64, length: Option<u64>) -> bool {
    place.checked_sub(begin).is_some_and(|index| length.is_none_or(|length| index < length))
}

/// The last block that begins at a place or before it.
fn last_until<E: Engine>(engine: &E, place: u64) -> EngineResult<Option<(u64, Result<Block<'static>, Damage>)>> {
    let (start, _) = keys::kind(b'v');
    let mut found = None;
    engine.range(&start, &keys::block(place.saturating_add(1)), true, &mut |key, value| {
        found = keys::parse_block(key).map(|begin| (begin, value.to_vec()));
        ControlFlow::Break(())
    })?;
    let Some((begin, bytes)) = found else { return Ok(None) };
    Ok(Some((begin, join(engine, begin, Cow::Owned(bytes))?)))
}

/// The version at this place as what it must be: the first one of its operation.
pub(crate) fn as_first(place: u64, row: Row) -> Result<FirstRow, Damage> {
    match row {
        Row::First(first) => Ok(*first),
        Row::Next(_) => Err(Damage::new(keys::version_name(place), "it is not the first version of its operation")),
    }
}

/// The version at this place as what it must be: a later one.
pub(crate) fn as_next(place: u64, row: Row) -> Result<NextRow, Damage> {
    match row {
        Row::Next(next) => Ok(*next),
        Row::First(_) => Err(Damage::new(keys::version_name(place), "it is the first version of an operation")),
    }
}

/// What a visit of the log calls for each version: with its place and its bytes, or its damage.
pub(crate) type VisitBytes<'a> = dyn FnMut(u64, Result<&[u8], Damage>) -> ControlFlow<()> + 'a;

/// A version's bytes as a row.
pub(crate) fn parse(place: u64, bytes: &[u8]) -> Result<Row, Damage> {
    codec::decode_row(bytes).map_err(|reason| damage(place, reason))
}

/// Visits the log from `place` on: the place and row of each version that is there, or its damage.
pub(crate) fn log<E: Engine>(
    engine: &E,
    place: u64,
    visit: &mut dyn FnMut(u64, Result<Row, Damage>) -> ControlFlow<()>,
) -> EngineResult<()> {
    log_bytes(engine, place, &mut |at, bytes| visit(at, bytes.and_then(|bytes| parse(at, bytes))))
}

/// Visits the log from `place` on, without decoding it.
pub(crate) fn log_bytes<E: Engine>(engine: &E, place: u64, visit: &mut VisitBytes<'_>) -> EngineResult<()> {
    // The block that holds the place began at it or before.
    let (mut from, end) = keys::kind(b'v');
    engine.range(&from.clone(), &keys::block(place.saturating_add(1)), true, &mut |key, _| {
        from = key.to_vec();
        ControlFlow::Break(())
    })?;
    let mut failed = Ok(());
    engine.range(&from, &end, false, &mut |key, value| {
        let Some(begin) = keys::parse_block(key) else {
            return visit(place, Err(Damage::new(keys::describe(key), "its key does not parse")));
        };
        match join(engine, begin, Cow::Borrowed(value)) {
            Ok(Ok(block)) => {
                let rows = (begin..).zip(block.read()).filter(|(at, _)| *at >= place);
                rows.filter_map(|(at, bytes)| Some((at, bytes.transpose()?)))
                    .try_for_each(|(at, bytes)| visit(at, bytes.map_err(|reason| damage(at, reason))))
            }
            Ok(Err(damage)) => visit(begin.max(place), Err(damage)),
            Err(error) => {
                failed = Err(error);
                ControlFlow::Break(())
            }
        }
    })?;
    failed
}

/// The last place of the log, and damage that keeps it from being known.
pub(crate) fn last_place<E: Engine>(engine: &E) -> EngineResult<(u64, Option<Damage>)> {
    match last_until(engine, u64::MAX - 1)? {
        Some((begin, Ok(block))) => Ok((begin.saturating_add(block.len()).saturating_sub(1), None)),
        // It holds at least one, and HEAD tells of more.
        Some((begin, Err(damage))) => Ok((begin, Some(damage))),
        None => Ok((0, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(rows: &[&[u8]]) -> Vec<u8> {
        encode(rows)
    }

    #[test]
    fn a_damaged_version_does_not_take_its_neighbours_along() {
        let bytes = block(&[b"first", b"", b"third"]);
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 4;
            let Ok(read) = Block::parse(Cow::Borrowed(&flipped)) else { continue };
            let rows: Vec<Option<Option<Vec<u8>>>> =
                read.read().map(|row| row.ok().map(|row| row.map(<[u8]>::to_vec))).collect();
            let whole = [Some(Some(b"first".to_vec())), Some(None), Some(Some(b"third".to_vec()))];
            assert_eq!(rows.iter().zip(&whole).filter(|(read, whole)| read != whole).count(), 1, "byte {at}");
            assert!(rows.contains(&None), "byte {at} was flipped, and nobody noticed");
        }
    }

    #[test]
    fn a_block_that_begins_later_holds_no_earlier_place() {
        // redb gave such a one from a file with a flipped byte, and the subtraction panicked.
        assert_eq!(keys::parse_block(&keys::block(u64::MAX)), None);
        assert_eq!(keys::parse_block(&keys::block(7)), Some(7));
        assert!(holds(7, 7, Some(1)) && holds(8, 7, Some(2)) && holds(8, 7, None));
        assert!(!holds(6, 7, Some(1)) && !holds(6, 7, None) && !holds(8, 7, Some(1)));
    }

    #[test]
    fn cut_short_it_is_no_block_or_lacks_its_end() {
        let bytes = block(&[b"first", b"second"]);
        for length in 0..bytes.len() {
            let whole = Block::parse(Cow::Borrowed(&bytes[..length])).is_ok_and(|block| block.is_whole());
            assert!(!whole, "{length} of {} bytes", bytes.len());
        }
    }

    #[test]
    fn blocks_hold_what_fits_and_a_long_version_is_split() {
        let rows = [vec![1; 3000], vec![2; 3000], vec![3; 3000], vec![4; 20_000], vec![5; 10]];
        let entries = blocks(10, &rows);
        let keys: Vec<Vec<u8>> = entries.iter().map(|(key, _)| key.clone()).collect();
        let expected = [
            keys::block(10),
            keys::block(12),
            keys::block(13),
            keys::piece(13, 1),
            keys::piece(13, 2),
            keys::block(14),
        ];
        assert_eq!(keys, expected);
        assert!(entries.iter().all(|(_, value)| value.len() <= PIECE));
    }
}
