//! Keeps what opening a store overwrites, and puts it back.
//!
//! After a crash redb repairs its file: it chooses one of the last two commits and writes over pages of the other. What
//! stands at such a place is written (and synced) to the file `undo` before. After a clean close opening overwrites
//! nothing but the mark that the file is in use, and nothing is kept.
//!
//! `undo` is a line, the file's length as it was found, and for each write its offset, its length and the bytes that
//! stood there. [`restore`] needs the file as opening left it, with nothing written since. Where opening fails, the
//! file is put back at once.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opledger_embedded::disk;
use redb::StorageBackend;

use crate::open::FILE;

const MAGIC: &[u8; 22] = b"opledger-redb-kept 1\n\0";
/// The byte of the header whose second bit says that the file was not closed.
const STATE: u64 = 9;
const IN_USE: u8 = 2;
const STEP: u64 = 64 * 1024;

/// redb's file; until it is [opened](Self::opened) it remembers what stood where it is written.
#[derive(Debug)]
pub(crate) struct KeptFile {
    file: File,
    undo: Mutex<Option<Undo>>,
}

#[derive(Debug)]
struct Undo {
    length: u64,
    aside: PathBuf,
    crashed: bool,
    copy: Option<File>,
    entries: Vec<(u64, Vec<u8>)>,
}

impl KeptFile {
    pub(crate) fn new(file: File, aside: &Path) -> io::Result<Self> {
        let mut state = [0];
        let crashed = file.read_exact_at(&mut state, STATE).is_ok() && state[0] & IN_USE != 0;
        let length = file.metadata()?.len();
        let undo = Undo { length, aside: aside.to_owned(), crashed, copy: None, entries: Vec::new() };
        Ok(Self { file, undo: Mutex::new(Some(undo)) })
    }

    /// The file has proved good: what is written from now on is new.
    pub(crate) fn opened(&self) {
        *self.undo() = None;
    }

    /// Makes the file as it was found.
    pub(crate) fn take_back(&self) -> io::Result<()> {
        let Some(undo) = self.undo().take() else { return Ok(()) };
        if undo.entries.is_empty() && self.file.metadata()?.len() == undo.length {
            return Ok(());
        }
        for (offset, bytes) in undo.entries.iter().rev() {
            self.file.write_all_at(bytes, *offset)?;
        }
        self.file.set_len(undo.length)?;
        self.file.sync_all()?;
        disk::remove(&undo.aside)
    }

    /// Another process may open the file.
    pub(crate) fn release(&self) -> io::Result<()> {
        self.file.unlock()
    }

    fn undo(&self) -> MutexGuard<'_, Option<Undo>> {
        self.undo.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, from: u64, to: u64) -> io::Result<()> {
        let mut guard = self.undo();
        let Some(undo) = guard.as_mut() else { return Ok(()) };
        let (mut from, to) = (from, to.min(undo.length));
        while from < to {
            let size = (to - from).min(STEP);
            let mut bytes = vec![0; usize::try_from(size).unwrap_or_default()];
            self.file.read_exact_at(&mut bytes, from)?;
            if undo.crashed {
                undo.keep(from, &bytes)?;
            }
            undo.entries.push((from, bytes));
            from += size;
        }
        Ok(())
    }
}

impl Undo {
    fn keep(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let copy = match &mut self.copy {
            Some(copy) => copy,
            none => {
                fs::create_dir_all(&self.aside)?;
                let mut copy = File::create(self.aside.join("undo"))?;
                copy.write_all(MAGIC)?;
                copy.write_all(&self.length.to_le_bytes())?;
                disk::sync_folder(&self.aside)?;
                if let Some(parent) = self.aside.parent() {
                    disk::sync_folder(parent)?;
                }
                none.insert(copy)
            }
        };
        copy.write_all(&offset.to_le_bytes())?;
        copy.write_all(&(bytes.len() as u64).to_le_bytes())?;
        copy.write_all(bytes)?;
        copy.sync_data()
    }
}

/// Puts the kept bytes back into the engine's folder `dir`, which nobody has open. `aside` stays as it is.
///
/// # Errors
/// Gives the error of the file system; [`io::ErrorKind::InvalidData`] where `aside` holds no such bytes.
pub fn restore(aside: &Path, dir: &Path) -> io::Result<()> {
    let mut undo = BufReader::new(File::open(aside.join("undo"))?);
    let mut magic = [0; MAGIC.len()];
    undo.read_exact(&mut magic)?;
    let mut number = [0; 8];
    undo.read_exact(&mut number)?;
    let length = u64::from_le_bytes(number);
    let mut entries = Vec::new();
    while undo.read_exact(&mut number).is_ok() {
        let offset = u64::from_le_bytes(number);
        undo.read_exact(&mut number)?;
        let size = u64::from_le_bytes(number);
        if &magic != MAGIC || size > STEP {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "undo is not a list of kept bytes"));
        }
        let mut bytes = Vec::new();
        (&mut undo).take(size).read_to_end(&mut bytes)?;
        entries.push((offset, bytes));
    }
    let file = OpenOptions::new().write(true).open(dir.join(FILE))?;
    for (offset, bytes) in entries.iter().rev() {
        file.write_all_at(bytes, *offset)?;
    }
    file.set_len(length)?;
    file.sync_all()
}

/// What redb reads and writes; one process at a time is seen to by who opens it.
#[derive(Debug)]
pub(crate) struct Backend(pub(crate) Arc<KeptFile>);

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.file.metadata()?.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.file.read_exact_at(out, offset)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.remember(length, u64::MAX)?;
        self.0.file.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.remember(offset, offset.saturating_add(data.len() as u64))?;
        self.0.file.write_all_at(data, offset)
    }
}
