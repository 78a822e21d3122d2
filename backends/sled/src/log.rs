//! Reads sled 0.34's log without changing it, as its recovery will, to tell beforehand what recovery would discard.
//!
//! The file `db` is cut into segments of [`SEGMENT`] bytes. Each begins with 20 bytes: CRC, its LSN (place in the
//! log), and the highest LSN known stable when it was begun. Messages follow: CRC (4), kind (1), then length, segment
//! number and page as variable-length integers, then the body. A `Cap` fills what is left of a full segment.
//! Recovery reads the segments from the snapshot's LSN on, in LSN order. Beyond the last stable header it stops at
//! the first unreadable message and zeroes everything after; before, it skips the rest of that segment in silence.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// sled's segment size, its default; the file `conf` holds it, and it can't change once a store is made.
pub(crate) const SEGMENT: u64 = 512 * 1024;
const HEADER: u64 = 20;
const MAX_MESSAGE_HEADER: u64 = 32;

/// What recovery will find.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// The length of `db`.
    pub(crate) length: u64,
    /// Parts of `db`, as offset and length, that recovery overwrites though they aren't empty.
    pub(crate) doubts: Vec<(u64, u64)>,
    /// Every segment that recovery reads, as offset and length.
    pub(crate) tail: Vec<(u64, u64)>,
    /// Readable messages lie behind the place where recovery stops: a flipped byte, or a crash amid parallel writes.
    pub(crate) torn: bool,
    /// Places (LSNs) in the log where something is missing or unreadable; a gap may also be a segment used anew.
    pub(crate) breaks: Vec<i64>,
    /// Damage before the end of the log, in words: what a crash alone does not explain.
    pub(crate) damage: Vec<String>,
}

struct Walked {
    /// Offset in the segment of the first byte not read as a message.
    tip: u64,
    /// The segment ended as it should: with a cap, or with no room for one more message.
    full: bool,
    /// The first batch begun here whose end lies beyond `0`: its last LSN and its offset.
    batches: Vec<(i64, u64)>,
}

/// Surveys `db` from the snapshot's LSN `stable` (0 without snapshot).
pub(crate) fn survey(dir: &Path, file: &mut File, stable: i64) -> io::Result<Survey> {
    let length = file.metadata()?.len();
    let mut found = Survey { length, ..Survey::default() };
    let base = stable.max(0) / SEGMENT as i64 * SEGMENT as i64;
    let mut order: BTreeMap<i64, u64> = BTreeMap::new();
    let mut max_stable = base;
    let mut buffer = Vec::new();
    let mut offset = 0;
    // One header in 512 KiB: what lies between is read only where something is wrong.
    rustix::fs::fadvise(&*file, 0, None, rustix::fs::Advice::Random)?;
    while offset < length {
        let size = SEGMENT.min(length - offset);
        match header(file, offset, size)? {
            Some((lsn, seen)) if lsn >= base => {
                max_stable = max_stable.max(seen);
                found.tail.push((offset, size));
                if let Some(other) = order.insert(lsn, offset) {
                    found.damage.push(format!("two segments at {other} and {offset} claim LSN {lsn}"));
                    found.doubts.push((other, SEGMENT.min(length - other)));
                }
            }
            Some(_) => {} // covered by the snapshot: not read, and not touched while a page lives in it
            None => {
                read(file, offset, size, &mut buffer)?;
                if !is_zero(&buffer) {
                    if size >= HEADER {
                        found.damage.push(format!("the segment at {offset} has an unreadable header"));
                    }
                    found.doubts.push((offset, size));
                }
            }
        }
        offset += SEGMENT;
    }
    rustix::fs::fadvise(&*file, 0, None, rustix::fs::Advice::Normal)?;
    walk_all(dir, file, &order, (base, max_stable), &mut found)?;
    Ok(found)
}

fn walk_all(
    dir: &Path,
    file: &mut File,
    order: &BTreeMap<i64, u64>,
    (base, max_stable): (i64, i64),
    found: &mut Survey,
) -> io::Result<()> {
    let tail_from = max_stable / SEGMENT as i64 * SEGMENT as i64;
    if !order.is_empty() && !order.contains_key(&tail_from) {
        // sled then takes nothing at all from the log, and zeroes every segment since the snapshot.
        found.damage.push(format!("the log's segment at LSN {tail_from} is missing"));
        found.breaks.extend(order.keys().map(|lsn| lsn + SEGMENT as i64));
        found.doubts.extend(found.tail.iter().copied());
        found.doubts.sort_unstable();
        found.doubts.dedup();
        return Ok(());
    }
    let mut expected = None;
    let mut batches: Vec<(i64, i64)> = Vec::new(); // last LSN of the batch, LSN of its manifest
    let mut end = None; // LSN of the first byte after what can be read
    let mut buffer = Vec::new();
    let mut after = base;
    for (lsn, offset) in order {
        if after != *lsn {
            found.breaks.push(after);
        }
        after = lsn + SEGMENT as i64;
        let size = SEGMENT.min(found.length - offset);
        let in_tail = *lsn >= tail_from;
        let linked = !in_tail || expected.unwrap_or(tail_from) == *lsn;
        if !linked && end.is_none() {
            end = Some(expected.unwrap_or(tail_from));
        }
        if end.is_some() {
            found.doubts.push((*offset, size)); // after a tear: recovery zeroes it
            found.torn = true;
            continue;
        }
        read(file, *offset, size, &mut buffer)?;
        let walked = walk(dir, &buffer, *lsn);
        batches.extend(walked.batches.iter().map(|(last, at)| (*last, lsn + *at as i64)));
        if in_tail {
            expected = Some(lsn + SEGMENT as i64);
            if !walked.full {
                end = Some(lsn + walked.tip as i64);
            }
        } else if !walked.full {
            let place = offset + walked.tip;
            found.damage.push(format!("the log can't be read from {place} to the end of that segment"));
            found.breaks.push(lsn + walked.tip as i64);
            found.doubts.push((*offset, size));
        }
    }
    let end = end.or(expected);
    // A batch that is not there to its end never happened: recovery stops where it began.
    let torn = batches.iter().filter(|(last, _)| end.is_some_and(|end| *last >= end)).map(|(_, at)| *at).min();
    if let Some(end) = torn.or(end) {
        discarded(file, order, end, &mut buffer, found)?;
    }
    found.doubts.sort_unstable();
    found.doubts.dedup();
    Ok(())
}

/// Adds what lies after the LSN `end`: the rest of its segment, and all segments behind.
fn discarded(
    file: &mut File,
    order: &BTreeMap<i64, u64>,
    end: i64,
    buffer: &mut Vec<u8>,
    found: &mut Survey,
) -> io::Result<()> {
    let first = end / SEGMENT as i64 * SEGMENT as i64;
    for (lsn, offset) in order.range(first..) {
        let size = SEGMENT.min(found.length - offset);
        let from = if *lsn == first { (end - first) as u64 } else { 0 };
        if from >= size || found.doubts.contains(&(*offset, size)) {
            continue;
        }
        read(file, offset + from, size - from, buffer)?;
        if !is_zero(buffer) {
            found.doubts.push((offset + from, size - from));
            let number = *lsn as u64 / SEGMENT;
            let readable = |at: usize| buffer.get(at..).and_then(|rest| message(rest, number)).is_some();
            found.torn |= (0..buffer.len()).any(readable);
        }
    }
    Ok(())
}

/// Zeroes the log from the LSN `end` on.
pub(crate) fn cut(file: &mut File, end: i64) -> io::Result<()> {
    let length = file.metadata()?.len();
    let mut offset = 0;
    while offset < length {
        let size = SEGMENT.min(length - offset);
        if let Some((lsn, _)) = header(file, offset, size)? {
            let keep = (end - lsn).clamp(0, size as i64) as u64;
            file.seek(SeekFrom::Start(offset + keep))?;
            io::copy(&mut io::repeat(0).take(size - keep), file)?;
        }
        offset += SEGMENT;
    }
    file.sync_all()
}

/// In chunks without an early exit: the compiler uses vector instructions for those.
fn is_zero(bytes: &[u8]) -> bool {
    bytes.chunks(4096).all(|chunk| chunk.iter().fold(0, |all, byte| all | byte) == 0)
}

fn read(file: &mut File, offset: u64, size: u64, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.clear();
    file.seek(SeekFrom::Start(offset))?;
    file.take(size).read_to_end(buffer)?;
    Ok(())
}

fn header(file: &mut File, offset: u64, size: u64) -> io::Result<Option<(i64, i64)>> {
    if size < HEADER {
        return Ok(None);
    }
    let mut bytes = [0; HEADER as usize];
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(&mut bytes)?;
    let Some((crc, rest)) = bytes.split_first_chunk::<4>() else { return Ok(None) };
    let Some((lsn, stable)) = rest.split_first_chunk::<8>() else { return Ok(None) };
    let Some((stable, _)) = stable.split_first_chunk::<8>() else { return Ok(None) };
    let lsn = i64::from_le_bytes(*lsn) ^ i64::MAX;
    let stable = i64::from_le_bytes(*stable) ^ i64::MAX;
    let good = crc32fast::hash(rest) ^ u32::MAX == u32::from_le_bytes(*crc);
    let sane = lsn >= 0 && lsn < i64::MAX - 2 * SEGMENT as i64 && lsn % SEGMENT as i64 == 0 && stable < i64::MAX / 2;
    Ok((good && sane).then_some((lsn, stable)))
}

fn walk(dir: &Path, segment: &[u8], lsn: i64) -> Walked {
    let number = lsn as u64 / SEGMENT;
    let mut walked = Walked { tip: HEADER, full: false, batches: Vec::new() };
    loop {
        if walked.tip > SEGMENT - MAX_MESSAGE_HEADER {
            walked.full = true;
            return walked;
        }
        let Some(bytes) = segment.get(walked.tip as usize..) else { return walked };
        let Some((kind, body, length)) = message(bytes, number) else { return walked };
        match kind {
            2 => {
                walked.full = true;
                return walked;
            }
            3 => match body.try_into() {
                Ok(last) => walked.batches.push((i64::from_le_bytes(last), walked.tip)),
                Err(_) => return walked,
            },
            7 | 9 | 11 if !blob_is_whole(dir, body) => return walked,
            _ => {}
        }
        walked.tip += length;
    }
}

/// The message at the start of `bytes`: kind, body, length of all; `None` where sled would not take it.
fn message(bytes: &[u8], number: u64) -> Option<(u8, &[u8], u64)> {
    let (crc, rest) = bytes.split_first_chunk::<4>()?;
    let (kind, rest) = rest.split_first()?;
    if !(1..=11).contains(kind) {
        return None;
    }
    let (length, rest) = varint(rest)?;
    let (segment, rest) = varint(rest)?;
    if segment != number {
        return None; // what a reused segment held before
    }
    let (_page, rest) = varint(rest)?;
    let body = rest.get(..usize::try_from(length).ok()?)?;
    let head = bytes.len() - rest.len();
    let mut hash = crc32fast::Hasher::new();
    hash.update(body);
    hash.update(bytes.get(4..head)?);
    let good = hash.finalize() ^ u32::MAX == u32::from_le_bytes(*crc);
    good.then_some((*kind, body, head as u64 + length))
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    match first {
        0..=240 => Some((u64::from(*first), rest)),
        241..=248 => {
            let (low, rest) = rest.split_first()?;
            Some((240 + 256 * (u64::from(*first) - 241) + u64::from(*low), rest))
        }
        249 => {
            let ([high, low], rest) = rest.split_first_chunk::<2>()?;
            Some((2288 + 256 * u64::from(*high) + u64::from(*low), rest))
        }
        _ => {
            let size = usize::from(*first) - 247;
            let mut whole = [0; 8];
            whole.get_mut(..size)?.copy_from_slice(rest.get(..size)?);
            Some((u64::from_le_bytes(whole), rest.get(size..)?))
        }
    }
}

fn blob_is_whole(dir: &Path, body: &[u8]) -> bool {
    let Ok(id) = body.try_into().map(i64::from_le_bytes) else { return false };
    let Ok(bytes) = std::fs::read(dir.join("blobs").join(id.to_string())) else { return false };
    let Some((crc, rest)) = bytes.split_first_chunk::<4>() else { return false };
    crc32fast::hash(rest) == u32::from_le_bytes(*crc)
}
