//! Looks at fjall's journals before fjall does, and cuts them where they can't be read.
//!
//! fjall reads a journal up to the first entry that makes no sense, cuts the rest off for good and says nothing; where
//! a batch is whole but for its checksum, it does not open at all. [`mend`] makes that one rule: a journal ends with its
//! last batch that is whole. What follows is written (and synced) to `N.jnl.from-OFFSET` in the folder aside before it
//! is cut off; written back at that offset it makes the journal as it was. An unfinished batch at the end is what a
//! crash leaves, and no damage; a whole one behind the cut is.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use opledger_embedded::disk;
use xxhash_rust::xxh3::Xxh3;

/// Of an item: tag, type, compression, keyspace, and the lengths of key, value and stored value.
const ITEM: usize = 1 + 1 + 1 + 8 + 2 + 4 + 4;
/// Of the end of a batch: tag, checksum, and these bytes.
const END: usize = 1 + 8 + TRAILER.len();
const TRAILER: &[u8] = b"FJL\x03";
const STEP: usize = 1 << 16;

/// Cuts what can't be read off the journals in `dir`, kept below `aside`; gives the damage, in words.
///
/// # Errors
/// Gives the error of the file system.
pub fn mend(dir: &Path, aside: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for path in journals(dir)? {
        let length = fs::metadata(&path)?.len();
        let whole = whole(&path)?;
        let rest = rest(&path, whole)?;
        if rest.end == whole {
            continue; // nothing but the zeros that fjall writes ahead
        }
        keep(&path, whole, rest.end - whole, aside)?;
        let file = OpenOptions::new().write(true).open(&path)?;
        file.set_len(whole)?;
        file.sync_all()?;
        if rest.has_batches {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            found.push(format!("journal {name} is damaged at byte {whole} of {length}; what followed was cut off"));
        }
    }
    Ok(found)
}

fn journals(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let paths = fs::read_dir(dir)?.map(|entry| Ok(entry?.path()));
    let mut paths = paths.collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "jnl"));
    paths.sort();
    Ok(paths)
}

/// Where the last of the batches that are whole from the beginning on ends.
fn whole(path: &Path) -> io::Result<u64> {
    let mut reader = BufReader::with_capacity(1 << 16, File::open(path)?);
    let mut whole = 0;
    loop {
        match batch(&mut reader) {
            Ok(Some(size)) => whole += size,
            Ok(None) => return Ok(whole),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(whole),
            Err(error) => return Err(error),
        }
    }
}

/// The size of the batch that stands here, where one does.
fn batch(reader: &mut impl Read) -> io::Result<Option<u64>> {
    let [1, count @ .., _, _, _, _, _, _, _, _] = take::<13>(reader)? else { return Ok(None) };
    let mut size = 13;
    let mut checksum = Xxh3::new();
    let mut body = Vec::new();
    for _ in 0..u32::from_le_bytes(count) {
        let head = take::<ITEM>(reader)?;
        let [2, 0..=2, 0, _, _, _, _, _, _, _, _, k0, k1, v0, v1, v2, v3, s0, s1, s2, s3] = head else {
            return Ok(None);
        };
        if [v0, v1, v2, v3] != [s0, s1, s2, s3] {
            return Ok(None);
        }
        let length = u64::from(u16::from_le_bytes([k0, k1])) + u64::from(u32::from_le_bytes([v0, v1, v2, v3]));
        body.clear();
        if reader.take(length).read_to_end(&mut body)? as u64 != length {
            return Ok(None);
        }
        checksum.update(&head);
        checksum.update(&body);
        size += ITEM as u64 + length;
    }
    let end = take::<END>(reader)?;
    let is_whole = end.starts_with(&[3]) && end.ends_with(TRAILER) && end[1..9] == checksum.digest().to_le_bytes();
    Ok(is_whole.then_some(size + END as u64))
}

fn take<const N: usize>(reader: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

struct Rest {
    /// Behind the last byte that is not zero, or where the rest begins.
    end: u64,
    has_batches: bool,
}

fn rest(path: &Path, from: u64) -> io::Result<Rest> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut rest = Rest { end: from, has_batches: false };
    let zeros = vec![0; STEP];
    let (mut place, mut bytes) = (from, Vec::new());
    loop {
        // The end of a batch may lie across two pieces.
        bytes.drain(..bytes.len().saturating_sub(END - 1));
        let before = bytes.len();
        let read = (&mut file).take(STEP as u64).read_to_end(&mut bytes)?;
        let fresh = bytes.get(before..).unwrap_or_default();
        if fresh.is_empty() {
            return Ok(rest);
        }
        // Most often all are zeros: the 64 MiB that fjall makes a journal long before it writes.
        if Some(fresh) != zeros.get(..read) {
            rest.end = place + fresh.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1);
            rest.has_batches |= bytes.windows(END).any(|end| end.starts_with(&[3]) && end.ends_with(TRAILER));
        }
        place += read as u64;
    }
}

fn keep(path: &Path, from: u64, length: u64, aside: &Path) -> io::Result<()> {
    fs::create_dir_all(aside)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut copy = File::create(aside.join(format!("{name}.from-{from}")))?;
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    io::copy(&mut file.take(length), &mut copy)?;
    copy.flush()?;
    copy.sync_all()?;
    disk::sync_folder(aside)?;
    aside.parent().map_or(Ok(()), disk::sync_folder)
}
