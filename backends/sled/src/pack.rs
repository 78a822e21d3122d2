//! Packs: neighbouring index entries kept as one entry of sled.
//!
//! sled splits a leaf at 16 entries, however small, and keeps about half a kilobyte in memory for each leaf there is: with each
//! index entry on its own, a million operations took 120 MB, and most of a verify went from leaf to leaf.
//!
//! A pack stands at its *fence*: a key no later than its first entry, and later than all of the pack before it. So the pack that
//! holds a key is the last that begins at it or before. Its bytes are a format byte, then the entries in key order: how many
//! bytes the key shares with the one before it (the first with the fence), the rest of the key, the value.

use std::cmp::Ordering;
use std::ops::Range;

use opledger_embedded::engine::{EngineError, EngineResult};

/// Bytes of a pack above which it is split. An entry that changes has its whole pack written again: larger ones would write
/// more than smaller ones save.
const FULL: usize = 512;
const FORMAT: u8 = 1;

/// An entry, and what is to be stored at its key: nothing where it is removed.
pub(crate) type Edit = (Vec<u8>, Option<Vec<u8>>);

/// Goes through the entries of a pack.
pub(crate) struct Cursor<'a> {
    key: Vec<u8>,
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(fence: &[u8], pack: &'a [u8]) -> EngineResult<Self> {
        match pack.split_first() {
            Some((&FORMAT, rest)) => Ok(Self { key: fence.to_vec(), rest }),
            _ => Err(unreadable("is none of format 1")),
        }
    }

    /// The next entry.
    pub(crate) fn step(&mut self) -> EngineResult<Option<(&[u8], &'a [u8])>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let shared = self.number()?;
        if shared > self.key.len() {
            return Err(unreadable("shares more of a key than there is"));
        }
        self.key.truncate(shared);
        let suffix = self.bytes()?;
        self.key.extend_from_slice(suffix);
        let value = self.bytes()?;
        Ok(Some((&self.key, value)))
    }

    fn bytes(&mut self) -> EngineResult<&'a [u8]> {
        let length = self.number()?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(|| unreadable("is cut short"))?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Seven bits a byte, the lowest first; the highest bit says that more follow.
    fn number(&mut self) -> EngineResult<usize> {
        let mut number = 0;
        for shift in (0..usize::BITS).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or_else(|| unreadable("is cut short"))?;
            self.rest = rest;
            number |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(unreadable("has a length that is none"))
    }
}

fn unreadable(why: &str) -> EngineError {
    EngineError::Corrupt(format!("a pack of index entries {why}"))
}

/// The entries of a pack, in key order.
pub(crate) fn entries<'a>(fence: &[u8], pack: &'a [u8]) -> EngineResult<Vec<(Vec<u8>, &'a [u8])>> {
    let mut cursor = Cursor::new(fence, pack)?;
    let mut entries = Vec::new();
    while let Some((key, value)) = cursor.step()? {
        entries.push((key.to_vec(), value));
    }
    Ok(entries)
}

/// The value at a key, if the pack that would hold it does.
pub(crate) fn get(fence: &[u8], pack: &[u8], wanted: &[u8]) -> EngineResult<Option<Vec<u8>>> {
    let mut cursor = Cursor::new(fence, pack)?;
    while let Some((key, value)) = cursor.step()? {
        match key.cmp(wanted) {
            Ordering::Less => {}
            Ordering::Equal => return Ok(Some(value.to_vec())),
            Ordering::Greater => break,
        }
    }
    Ok(None)
}

/// What becomes of the pack at `old` when `edits` are made, which all belong into it and are in key order: the packs that stand
/// there from now on, by their fences; nothing at a fence where none stands any more. Packs that stay as they are are left out.
pub(crate) fn rewrite(old: Option<(&[u8], &[u8])>, edits: &[Edit]) -> EngineResult<Vec<Edit>> {
    let before = old.map_or(Ok(Vec::new()), |(fence, pack)| entries(fence, pack))?;
    let merged = Merged::new(&before, edits);
    let mut packs: Vec<Edit> = Vec::new();
    for chunk in merged.chunks() {
        let first = chunk.first().map_or(&[][..], |entry| entry.key);
        let fence = old.filter(|_| packs.is_empty()).map_or(first, |(fence, _)| fence);
        packs.push((fence.to_vec(), Some(encode(fence, chunk))));
    }
    if let Some((fence, was)) = old {
        if packs.is_empty() {
            packs.push((fence.to_vec(), None));
        }
        packs.retain(|(at, pack)| at != fence || pack.as_deref() != Some(was));
    }
    Ok(packs)
}

fn encode(fence: &[u8], entries: &[Entry<'_>]) -> Vec<u8> {
    let mut pack = vec![FORMAT];
    let mut before = fence;
    for Entry { key, value, .. } in entries {
        let shared = shared(before, key);
        number(shared, &mut pack);
        let suffix = key.get(shared..).unwrap_or_default();
        [suffix, value].into_iter().for_each(|bytes| {
            number(bytes.len(), &mut pack);
            pack.extend_from_slice(bytes);
        });
        before = key;
    }
    pack
}

fn number(mut number: usize, bytes: &mut Vec<u8>) {
    while number > 0x7f {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn shared(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

struct Entry<'a> {
    key: &'a [u8],
    value: &'a [u8],
    /// Bytes that it takes behind its predecessor, near enough.
    size: usize,
}

/// The entries of a pack with its edits made.
#[derive(Default)]
struct Merged<'a> {
    entries: Vec<Entry<'a>>,
    /// Where those that were put are.
    put: Option<Range<usize>>,
    put_count: usize,
    put_size: usize,
}

impl<'a> Merged<'a> {
    fn new(before: &'a [(Vec<u8>, &'a [u8])], edits: &'a [Edit]) -> Self {
        let mut merged = Self::default();
        let mut old = before.iter().peekable();
        for (key, value) in edits {
            while let Some((old, value)) = old.next_if(|(old, _)| old < key) {
                merged.push(old, value);
            }
            old.next_if(|(old, _)| old == key);
            let Some(value) = value else { continue };
            let at = merged.entries.len();
            merged.put_size += merged.push(key, value);
            merged.put_count += 1;
            merged.put = Some(merged.put.take().map_or(at, |put| put.start)..at + 1);
        }
        for (key, value) in old {
            merged.push(key, value);
        }
        merged
    }

    fn push(&mut self, key: &'a [u8], value: &'a [u8]) -> usize {
        let known = self.entries.last().map_or(0, |last| shared(last.key, key));
        let size = 3 + key.len().saturating_sub(known) + value.len();
        self.entries.push(Entry { key, value, size });
        size
    }

    /// The entries by the pack that they go into.
    fn chunks(&self) -> Vec<&[Entry<'a>]> {
        let entries = &self.entries[..];
        let total = total(entries);
        if total <= FULL {
            return chunks(entries, usize::MAX);
        }
        // Many side by side are the end of a list that grows there: what is behind them stays, what is before them is full.
        let run = self.put.as_ref().filter(|put| put.len() == self.put_count && self.put_size > FULL / 2);
        let (grown, rest) = entries.split_at_checked(run.map_or(0, |put| put.end)).unwrap_or((&[], entries));
        let mut all = chunks(grown, FULL - FULL / 8);
        all.extend(chunks(rest, self::total(rest) / (self::total(rest) / FULL + 1)));
        all
    }
}

fn total(entries: &[Entry<'_>]) -> usize {
    entries.iter().map(|entry| entry.size).sum()
}

/// Entries cut where so many bytes have come together.
fn chunks<'b, 'a>(mut entries: &'b [Entry<'a>], limit: usize) -> Vec<&'b [Entry<'a>]> {
    let mut chunks = Vec::new();
    while !entries.is_empty() {
        let mut size = 0;
        let reached = entries.iter().position(|entry| {
            size += entry.size;
            size >= limit
        });
        let (chunk, rest) =
            entries.split_at_checked(reached.map_or(entries.len(), |at| at + 1)).unwrap_or((entries, &[]));
        chunks.push(chunk);
        entries = rest;
    }
    chunks
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    type Packs = BTreeMap<Vec<u8>, Vec<u8>>;

    fn key(number: u32) -> Vec<u8> {
        [b"t".as_slice(), &[9; 10], &number.to_be_bytes(), &[5; 8]].concat()
    }

    fn put(numbers: impl IntoIterator<Item = u32>) -> Vec<Edit> {
        numbers.into_iter().map(|number| (key(number), Some(vec![7; 8]))).collect()
    }

    /// Makes edits that all belong into the pack that holds the first of them.
    fn apply(packs: &mut Packs, edits: &[Edit]) {
        let old = packs.range(..=edits[0].0.clone()).next_back();
        let new = rewrite(old.map(|(fence, pack)| (&fence[..], &pack[..])), edits).unwrap();
        for (fence, pack) in new {
            match pack {
                Some(pack) => packs.insert(fence, pack),
                None => packs.remove(&fence),
            };
        }
    }

    fn all(packs: &Packs) -> Vec<Vec<u8>> {
        packs.iter().flat_map(|(fence, pack)| entries(fence, pack).unwrap()).map(|(key, _)| key).collect()
    }

    #[test]
    fn a_list_that_grows_leaves_full_packs() {
        let mut packs = Packs::new();
        // Behind it is another list, in the same pack.
        apply(&mut packs, &put(1_000_000..1_000_003));
        apply(&mut packs, &put(0..1));
        for begin in (1..2001).step_by(100) {
            apply(&mut packs, &put(begin..begin + 100));
        }
        assert_eq!(all(&packs), (0..2001).chain(1_000_000..1_000_003).map(key).collect::<Vec<_>>());
        let size = packs.values().map(Vec::len).sum::<usize>() / packs.len();
        assert!(size > FULL * 2 / 3, "{size} bytes in each of {}", packs.len());
    }

    #[test]
    fn scattered_entries_leave_packs_about_half_full_or_more() {
        let mut packs = Packs::new();
        let numbers = (0..2000_u32).map(|n| n.wrapping_mul(2_654_435_761));
        numbers.clone().for_each(|number| apply(&mut packs, &put([number])));
        let mut expected: Vec<_> = numbers.map(key).collect();
        expected.sort_unstable();
        assert_eq!(all(&packs), expected);
        let size = packs.values().map(Vec::len).sum::<usize>() / packs.len();
        assert!(size > FULL * 4 / 10, "{size} bytes in each of {}", packs.len());
        assert!(packs.values().all(|pack| pack.len() <= FULL + FULL / 8));
    }

    #[test]
    fn what_is_removed_leaves_its_pack_and_an_empty_pack_goes() {
        let mut packs = Packs::new();
        apply(&mut packs, &put(0..4));
        let [(fence, pack)] = &packs.clone().into_iter().collect::<Vec<_>>()[..] else { panic!("{packs:?}") };
        let old = Some((&fence[..], &pack[..]));
        assert!(rewrite(old, &[(key(9), None)]).unwrap().is_empty(), "nothing changes");
        assert!(rewrite(old, &put(2..3)).unwrap().is_empty(), "nothing changes");
        apply(&mut packs, &[(key(0), None), (key(2), None)]);
        assert_eq!(all(&packs), [key(1), key(3)]);
        assert!(packs.contains_key(&key(0)), "the fence stays where it is");
        apply(&mut packs, &[(key(1), None), (key(3), None)]);
        assert!(packs.is_empty());
    }

    #[test]
    fn a_damaged_pack_is_read_otherwise_or_refused() {
        let mut packs = Packs::new();
        apply(&mut packs, &put(0..4));
        let (fence, pack) = packs.pop_first().unwrap();
        for at in 0..pack.len() {
            for bit in 0..8 {
                let mut flipped = pack.clone();
                flipped[at] ^= 1 << bit;
                let read = entries(&fence, &flipped);
                assert!(read.is_err() || at > 0, "the format was flipped, and nobody noticed");
            }
            let whole = entries(&fence, &pack[..at]).is_ok_and(|read| read.len() == 4);
            assert!(!whole, "{at} of {} bytes", pack.len());
        }
    }
}
