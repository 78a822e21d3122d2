//! Blocks of the log: versions one after another, as they came.
//!
//! ```text
//! format (1), count (2), a length for each version (4), checksum of all that (4); then for each: checksum (4), bytes
//! ```
//!
//! A version whose length is 0 was removed by retention. Each has a checksum of its own, so that a damaged one does not
//! take its neighbours along.

use std::ops::ControlFlow;

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

/// A block as it is read: each version's bytes, none where it was removed.
#[derive(Debug, Default)]
pub(crate) struct Block {
    rows: Vec<Result<Option<Vec<u8>>, String>>,
    /// The values it takes in the engine.
    pieces: u16,
}

impl Block {
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let short = || "it is too short for a block".to_owned();
        let (&[format, low, high], rest) = bytes.split_first_chunk::<HEAD>().ok_or_else(short)?;
        let count = usize::from(u16::from_le_bytes([low, high]));
        let (lengths, rest) = rest.split_at_checked(count * LENGTH).ok_or_else(short)?;
        let (checksum, mut rest) = rest.split_first_chunk::<CHECKSUM>().ok_or_else(short)?;
        let head = bytes.get(..HEAD + count * LENGTH).unwrap_or_default();
        if crc32fast::hash(head).to_le_bytes() != *checksum {
            return Err("its checksum does not fit its content".to_owned());
        }
        codec::check_format(format)?;
        let mut rows = Vec::with_capacity(count);
        for length in lengths.as_chunks::<LENGTH>().0 {
            let length = u32::from_le_bytes(*length) as usize;
            if length == 0 {
                rows.push(Ok(None));
                continue;
            }
            match rest.split_at_checked(CHECKSUM + length) {
                Some((row, after)) => {
                    rest = after;
                    let (checksum, row) = row.split_at(CHECKSUM);
                    let fits = crc32fast::hash(row).to_le_bytes() == *checksum;
                    let read = fits.then(|| Some(row.to_vec()));
                    rows.push(read.ok_or_else(|| "its checksum does not fit its content".to_owned()));
                }
                None => {
                    rest = &[];
                    rows.push(Err("it is cut short".to_owned()));
                }
            }
        }
        Ok(Self { rows, pieces: u16::try_from(bytes.len().div_ceil(PIECE)).unwrap_or(u16::MAX) })
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
        self.rows.iter().all(|row| matches!(row, Ok(None)))
    }

    /// Removes the version at the `index`th place.
    pub(crate) fn remove(&mut self, index: u64) {
        if let Some(row) = usize::try_from(index).ok().and_then(|index| self.rows.get_mut(index)) {
            *row = Ok(None);
        }
    }

    /// The entries of a block that lost some of its versions. A damaged version can't be kept.
    pub(crate) fn entries(&self, place: u64) -> Vec<(Vec<u8>, Vec<u8>)> {
        let rows: Vec<&[u8]> =
            self.rows.iter().map(|row| row.as_ref().ok().and_then(Option::as_deref).unwrap_or_default()).collect();
        pieces(place, &encode(&rows))
    }

    /// Whether each of its versions can be read.
    pub(crate) fn is_whole(&self) -> bool {
        self.rows.iter().all(Result::is_ok)
    }

    fn rows(self, place: u64) -> impl Iterator<Item = (u64, Result<Option<Row>, Damage>)> {
        (place..).zip(self.rows).map(|(at, row)| (at, decode(at, row)))
    }
}

fn decode(place: u64, row: Result<Option<Vec<u8>>, String>) -> Result<Option<Row>, Damage> {
    row.and_then(|bytes| bytes.map(|bytes| codec::decode_part(&bytes)).transpose())
        .map_err(|reason| Damage::new(keys::version_name(place), reason))
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

fn join<E: Engine>(engine: &E, place: u64, bytes: &[u8]) -> Read<Block> {
    let parsed = if bytes.len() == PIECE {
        let mut whole = bytes.to_vec();
        for number in 1.. {
            let Some(piece) = engine.get(&keys::piece(place, number))? else { break };
            whole.extend_from_slice(&piece);
            // Only a full piece has another one after it.
            if piece.len() < PIECE {
                break;
            }
        }
        Block::parse(&whole)
    } else {
        Block::parse(bytes)
    };
    Ok(parsed.map_err(|reason| Damage::new(keys::version_name(place), reason)))
}

/// The block that holds a place, and where it begins; none where there is no such block.
pub(crate) fn find<E: Engine>(engine: &E, place: u64) -> EngineResult<Option<(u64, Result<Block, Damage>)>> {
    let length = |block: &Result<Block, Damage>| block.as_ref().ok().map(Block::len);
    Ok(last_until(engine, place)?.filter(|(begin, block)| holds(place, *begin, length(block))))
}

/// Whether a place is in a block; one of unknown length goes on to the next. An engine that reads wrong bytes may give
/// a block that begins later.
fn holds(place: u64, begin: u64, length: Option<u64>) -> bool {
    place.checked_sub(begin).is_some_and(|index| length.is_none_or(|length| index < length))
}

/// The last block that begins at a place or before it.
fn last_until<E: Engine>(engine: &E, place: u64) -> EngineResult<Option<(u64, Result<Block, Damage>)>> {
    let (start, _) = keys::kind(b'v');
    let mut found = None;
    engine.range(&start, &keys::block(place.saturating_add(1)), true, &mut |key, value| {
        found = keys::parse_block(key).map(|begin| (begin, value.to_vec()));
        ControlFlow::Break(())
    })?;
    let Some((begin, bytes)) = found else { return Ok(None) };
    Ok(Some((begin, join(engine, begin, &bytes)?)))
}

/// The version at a place; none where retention removed it, or where nothing was ever.
pub(crate) fn row<E: Engine>(engine: &E, place: u64) -> Read<Option<Row>> {
    match find(engine, place)? {
        None => Ok(Ok(None)),
        Some((_, Err(damage))) => Ok(Err(damage)),
        Some((begin, Ok(mut block))) => {
            let index = usize::try_from(place.saturating_sub(begin)).unwrap_or(usize::MAX);
            if index >= block.rows.len() {
                return Ok(Ok(None));
            }
            Ok(decode(place, block.rows.swap_remove(index)))
        }
    }
}

/// The first version of an operation, which must be at this place.
pub(crate) fn first<E: Engine>(engine: &E, place: u64) -> Read<Option<FirstRow>> {
    Ok(row(engine, place)?.and_then(|row| match row {
        Some(Row::First(first)) => Ok(Some(*first)),
        Some(Row::Next(_)) => {
            Err(Damage::new(keys::version_name(place), "it is not the first version of its operation"))
        }
        None => Ok(None),
    }))
}

/// A later version, which must be at this place.
pub(crate) fn next<E: Engine>(engine: &E, place: u64) -> Read<Option<NextRow>> {
    Ok(row(engine, place)?.and_then(|row| match row {
        Some(Row::Next(next)) => Ok(Some(*next)),
        Some(Row::First(_)) => Err(Damage::new(keys::version_name(place), "it is the first version of an operation")),
        None => Ok(None),
    }))
}

/// Visits the log from `place` on: the place and row of each version that is there, or its damage.
pub(crate) fn log<E: Engine>(
    engine: &E,
    place: u64,
    visit: &mut dyn FnMut(u64, Result<Row, Damage>) -> ControlFlow<()>,
) -> EngineResult<()> {
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
        match join(engine, begin, value) {
            Ok(Ok(block)) => block
                .rows(begin)
                .filter(|(at, _)| *at >= place)
                .try_for_each(|(at, row)| row.transpose().map_or(ControlFlow::Continue(()), |row| visit(at, row))),
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
            let Ok(read) = Block::parse(&flipped) else { continue };
            let rows: Vec<Option<Option<Vec<u8>>>> = read.rows.iter().map(|row| row.as_ref().ok().cloned()).collect();
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
            let whole = Block::parse(&bytes[..length]).is_ok_and(|block| block.is_whole());
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
