//! [`RedbEngine`]: redb behind the layout's engine contract.
//!
//! What this adds to redb:
//! - **Durability.** A batch is a commit that redb keeps in memory (`Durability::None`); [`Engine::sync`] adds an empty
//!   one that is on disk when it returns, and all before it with it. A crash in between loses all since the last sync.
//! - **Bounds.** redb's cache is 1 GiB unless told otherwise, and pages that a commit in memory replaced are free again
//!   only after one on disk: each [`BYTES`] bytes there is one.
//! - **No panic.** A panic inside redb is caught and becomes an error; after a failed write the handle refuses writes
//!   until it is opened anew.
//! - **Room.** redb uses the room of what was removed again, and makes its file shorter only when told to.
//! - **Opening.** See [`crate::preserve`]. redb verifies its pages after a crash only, all of them: opening then
//!   takes as long as reading the file, and a page that is damaged keeps the whole file from being opened, which is left
//!   as it was found. After a clean close nothing is verified; the layout's own checksums tell of flipped bytes.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use opledger_embedded::disk;
use opledger_embedded::engine::{Batch, Engine, EngineError, EngineResult, Visit};
use opledger_embedded::guard::{Doubt, install_hook};
use redb::{Database, Durability, ReadableDatabase};

use crate::guard::guarded;
use crate::open::{ENTRIES, open};
use crate::preserve::KeptFile;

/// Bytes of keys and values applied between two commits on disk.
pub const BYTES: usize = 8 * 1024 * 1024;

/// An ordered map in a file, kept by redb.
#[derive(Debug)]
pub struct RedbEngine {
    db: Option<Database>,
    file: Arc<KeptFile>,
    dir: PathBuf,
    unsynced: AtomicUsize,
    doubt: Doubt,
}

impl RedbEngine {
    fn db(&self) -> EngineResult<&Database> {
        self.db.as_ref().ok_or_else(|| EngineError::Corrupt("closed".to_owned()))
    }

    fn commit(&self, batch: Batch, durability: Durability) -> EngineResult<()> {
        self.doubt.trusted(Self::NAME)?;
        let db = self.db()?;
        self.doubt.note(guarded(|| {
            let mut writes = db.begin_write()?;
            writes.set_durability(durability)?;
            if !batch.entries.is_empty() {
                let mut table = writes.open_table(ENTRIES)?;
                for (key, value) in &batch.entries {
                    match value {
                        Some(value) => drop(table.insert(key.as_slice(), value.as_slice())?),
                        None => drop(table.remove(key.as_slice())?),
                    }
                }
            }
            Ok(writes.commit()?)
        }))
    }

    fn release(&mut self) -> EngineResult<()> {
        let Some(db) = self.db.take() else { return Ok(()) };
        let closed = guarded(|| Ok(db.close()?));
        self.file.release()?;
        closed
    }
}

impl Drop for RedbEngine {
    fn drop(&mut self) {
        if let Err(error) = self.release() {
            tracing::error!(dir = %self.dir.display(), %error, "redb did not close cleanly");
        }
    }
}

impl Engine for RedbEngine {
    const NAME: &'static str = "redb";

    fn open(dir: &Path, aside: &Path) -> EngineResult<Self> {
        install_hook();
        let (db, file) = open(dir, aside)?;
        let (unsynced, doubt) = (AtomicUsize::new(0), Doubt::default());
        Ok(Self { db: Some(db), file, dir: dir.to_owned(), unsynced, doubt })
    }

    /// Nothing: redb opens a commit that was whole, or no file at all. That it is not the last one the store's HEAD tells.
    fn found(&self) -> &[String] {
        &[]
    }

    fn get(&self, key: &[u8]) -> EngineResult<Option<Vec<u8>>> {
        let db = self.db()?;
        guarded(|| {
            let table = db.begin_read()?.open_table(ENTRIES)?;
            Ok(table.get(key)?.map(|value| value.value().to_vec()))
        })
    }

    fn range(&self, from: &[u8], to: &[u8], reverse: bool, visit: &mut Visit<'_>) -> EngineResult<()> {
        if from >= to {
            return Ok(());
        }
        let db = self.db()?;
        let table = guarded(|| Ok(db.begin_read()?.open_table(ENTRIES)?))?;
        let mut pairs = guarded(|| Ok(table.range::<&[u8]>(from..to)?))?;
        loop {
            let pair = guarded(|| Ok(if reverse { pairs.next_back() } else { pairs.next() }.transpose()?))?;
            let Some((key, value)) = &pair else { return Ok(()) };
            let (key, value) = guarded(|| Ok((key.value(), value.value())))?;
            // The visitor is the caller's code: it runs outside the guard.
            if let ControlFlow::Break(()) = visit(key, value) {
                return Ok(());
            }
        }
    }

    fn apply(&self, batch: Batch) -> EngineResult<()> {
        let bytes: usize =
            batch.entries.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len)).sum();
        let full = self.unsynced.fetch_add(bytes, Ordering::AcqRel) + bytes >= BYTES;
        if full {
            self.unsynced.store(0, Ordering::Release);
        }
        self.commit(batch, if full { Durability::Immediate } else { Durability::None })
    }

    fn sync(&self) -> EngineResult<()> {
        self.unsynced.store(0, Ordering::Release);
        self.commit(Batch::default(), Durability::Immediate)
    }

    fn apply_synced(&self, batch: Batch) -> EngineResult<()> {
        self.unsynced.store(0, Ordering::Release);
        self.commit(batch, Durability::Immediate)
    }

    fn size_on_disk(&self) -> EngineResult<u64> {
        Ok(disk::size_of(&self.dir)?)
    }

    fn give_back(&mut self) -> EngineResult<()> {
        let Some(db) = self.db.as_mut() else { return Ok(()) };
        guarded(|| match db.compact() {
            Ok(_) => Ok(()),
            Err(redb::CompactionError::Storage(error)) => Err(error.into()),
            Err(error) => Err(redb::StorageError::Io(std::io::Error::other(error)).into()),
        })
    }

    fn close(mut self) -> EngineResult<()> {
        let last = self.sync();
        last.and(self.release())
    }
}
