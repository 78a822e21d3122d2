//! The file HEAD: the last acknowledged position and count, beside the engine. An engine that comes up with
//! less has lost a tail.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

const MAGIC: &[u8; 4] = b"OPLH";
const FORMAT: u8 = 1;
/// magic, format, three numbers, checksum.
const LENGTH: usize = 4 + 1 + 24 + 4;
/// Two copies are written in turn, so that a torn write leaves the other; each in a sector of its own.
const SLOTS: [u64; 2] = [0, 512];

/// What HEAD says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Mark {
    /// Counts the writes of HEAD.
    pub(crate) turn: u64,
    /// The last acknowledged place in the log.
    pub(crate) last: u64,
    /// How many operations there were.
    pub(crate) operations: u64,
}

/// The open file.
#[derive(Debug)]
pub(crate) struct Head {
    file: File,
    mark: Mark,
    damaged: bool,
    written: bool,
}

impl Head {
    /// Opens or makes HEAD in the folder `dir`.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        let path = dir.join("HEAD");
        let fresh = !path.exists();
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        if fresh {
            crate::disk::sync_folder(dir)?;
        }
        let slots = SLOTS.map(|offset| read_slot(&file, offset));
        let damaged = slots.iter().any(|slot| matches!(slot, Slot::Damaged));
        let mark = slots.iter().filter_map(Slot::mark).max().unwrap_or_default();
        Ok(Self { file, mark, damaged, written: false })
    }

    /// What it said when it was opened, or what was written since.
    pub(crate) fn mark(&self) -> Mark {
        self.mark
    }

    /// Whether a copy could not be read when the file was opened.
    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged
    }

    /// Writes a new mark; durable after [`sync`](Self::sync).
    pub(crate) fn write(&mut self, last: u64, operations: u64) -> io::Result<()> {
        let mark = Mark { turn: self.mark.turn + 1, last, operations };
        let offset = if mark.turn.is_multiple_of(2) { SLOTS[0] } else { SLOTS[1] };
        self.file.write_all_at(&encode(mark), offset)?;
        self.mark = mark;
        self.written = true;
        Ok(())
    }

    /// Makes what was written durable.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        if self.written {
            self.file.sync_data()?;
            self.written = false;
        }
        Ok(())
    }
}

enum Slot {
    Empty,
    Damaged,
    Mark(Mark),
}

impl Slot {
    fn mark(&self) -> Option<Mark> {
        match self {
            Self::Mark(mark) => Some(*mark),
            _ => None,
        }
    }
}

fn encode(mark: Mark) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(LENGTH);
    bytes.extend_from_slice(MAGIC);
    bytes.push(FORMAT);
    for number in [mark.turn, mark.last, mark.operations] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    let checksum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

fn read_slot(file: &File, offset: u64) -> Slot {
    let mut bytes = [0; LENGTH];
    if file.read_exact_at(&mut bytes, offset).is_err() {
        return match file.metadata() {
            Ok(metadata) if metadata.len() <= offset => Slot::Empty,
            _ => Slot::Damaged,
        };
    }
    if bytes.iter().all(|byte| *byte == 0) {
        return Slot::Empty;
    }
    decode(&bytes).map_or(Slot::Damaged, Slot::Mark)
}

fn decode(bytes: &[u8; LENGTH]) -> Option<Mark> {
    let (content, checksum) = bytes.split_at(LENGTH - 4);
    if crc32fast::hash(content).to_le_bytes() != checksum || !content.starts_with(MAGIC) {
        return None;
    }
    let (format, numbers) = content.get(4..)?.split_first()?;
    if *format != FORMAT {
        return None;
    }
    let mut numbers = numbers.chunks_exact(8).filter_map(|chunk| chunk.try_into().ok().map(u64::from_le_bytes));
    Some(Mark { turn: numbers.next()?, last: numbers.next()?, operations: numbers.next()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_of_two_copies_and_survives_any_flipped_byte() {
        let dir = tempfile::tempdir().unwrap();
        let mut head = Head::open(dir.path()).unwrap();
        assert_eq!(head.mark(), Mark::default());
        head.write(7, 3).unwrap();
        head.write(9, 4).unwrap();
        let bytes = std::fs::read(dir.path().join("HEAD")).unwrap();
        assert_eq!(Head::open(dir.path()).unwrap().mark().last, 9);
        for at in (0..LENGTH).chain(512..512 + LENGTH) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            std::fs::write(dir.path().join("HEAD"), flipped).unwrap();
            let head = Head::open(dir.path()).unwrap();
            assert!(head.is_damaged() && [7, 9].contains(&head.mark().last), "byte {at}");
        }
    }
}
