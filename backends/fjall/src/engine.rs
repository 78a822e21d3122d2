//! [`FjallEngine`]: fjall behind the layout's engine contract.
//!
//! What this adds to fjall:
//! - **Durability.** A batch is handed to the operating system when it is applied (a killed process loses nothing of
//!   it), and [`Engine::sync`] makes the journal durable.
//! - **Bounds.** fjall keeps tables of up to 64 MiB in memory unless told otherwise: 4 MiB here.
//! - **No hang.** A writer that outruns fjall's threads waits inside fjall, without end where a thread has died (a full
//!   disk does that). `apply` waits before it comes to that, and looks whether they live.
//! - **One entry a key.** Of two entries of a batch with one key fjall keeps either: only the last one is given to it.
//! - **No panic.** A panic inside fjall is caught and becomes an error, one in its threads makes it refuse writes. After
//!   a failed write the handle refuses writes until it is opened anew.
//! - **Room.** What was removed leaves fjall's tables when they are merged, whenever that is: `give_back` merges them all.
//! - **Opening.** A store whose making was stopped is made anew; damaged journals are cut and told (see
//!   [`crate::journal`]); a store whose lists of tables are damaged is refused before fjall removes what they no longer
//!   name. Blocks of tables have checksums: a damaged one makes the calls fail that need it.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::thread::sleep;
use std::time::{Duration, Instant};

use fjall::{Database, Keyspace, PersistMode};
use opledger_embedded::disk;
use opledger_embedded::engine::{Batch, Engine, EngineError, EngineResult, Visit};
use opledger_embedded::guard::Doubt;

use crate::guard::{WORKERS, guarded};
use crate::open::{FOLDER, open};

/// fjall makes writers wait from 4 tables that are to be written, and from 30 that are to be merged.
const UNWRITTEN: usize = 1;
const UNMERGED: usize = 20;
const TICK: Duration = Duration::from_millis(1);
/// How long closing waits for fjall's threads to let go of the files.
const RELEASE: Duration = Duration::from_secs(30);

/// An ordered map in a folder, kept by fjall.
pub struct FjallEngine {
    open: Option<(Database, Keyspace)>,
    dir: PathBuf,
    doubt: Doubt,
    found: Vec<String>,
}

impl std::fmt::Debug for FjallEngine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("FjallEngine").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl FjallEngine {
    fn open(&self) -> EngineResult<&(Database, Keyspace)> {
        self.open.as_ref().ok_or_else(|| EngineError::Corrupt("closed".to_owned()))
    }

    fn persist(&self, mode: PersistMode) -> EngineResult<()> {
        let (db, _) = self.open()?;
        guarded(&self.dir, || db.persist(mode))
    }

    fn write(&self, batch: Batch, mode: PersistMode) -> EngineResult<()> {
        self.doubt.trusted(Self::NAME)?;
        let (db, entries) = self.open()?;
        while entries.sealed_memtable_count() > UNWRITTEN || entries.l0_table_count() > UNMERGED {
            self.doubt.note(self.persist(PersistMode::Buffer))?; // tells when a thread has died
            sleep(TICK);
        }
        let last: BTreeMap<_, _> = batch.entries.into_iter().collect();
        self.doubt.note(guarded(&self.dir, || {
            let mut writes = db.batch().durability(Some(mode));
            for (key, value) in last {
                match value {
                    Some(value) => writes.insert(entries, key, value),
                    None => writes.remove(entries, key),
                }
            }
            writes.commit()
        }))
    }

    fn release(&mut self) -> EngineResult<()> {
        let Some((db, entries)) = self.open.take() else { return Ok(()) };
        let state: Weak<_> = Arc::downgrade(&db.supervisor.keyspaces);
        let dropped = guarded(&self.dir, || {
            drop((entries, db));
            Ok(())
        });
        // The last of fjall's threads may still hold the journal, and write to it what a failed write left.
        let until = Instant::now() + RELEASE;
        while state.strong_count() > 0 && Instant::now() < until {
            sleep(TICK);
        }
        dropped?;
        Ok(disk::lock(&File::open(self.dir.join(FOLDER).join("lock"))?, RELEASE)?)
    }
}

impl Drop for FjallEngine {
    fn drop(&mut self) {
        if let Err(error) = self.release() {
            tracing::error!(dir = %self.dir.display(), %error, "fjall did not close cleanly");
        }
    }
}

impl Engine for FjallEngine {
    const NAME: &'static str = "fjall";

    fn open(dir: &Path, aside: &Path) -> EngineResult<Self> {
        WORKERS.watch();
        let (db, entries, found) = open(dir, aside)?;
        Ok(Self { open: Some((db, entries)), dir: dir.to_owned(), doubt: Doubt::default(), found })
    }

    fn found(&self) -> &[String] {
        &self.found
    }

    fn get(&self, key: &[u8]) -> EngineResult<Option<Vec<u8>>> {
        let (_, entries) = self.open()?;
        guarded(&self.dir, || Ok(entries.get(key)?.map(|value| value.to_vec())))
    }

    fn range(&self, from: &[u8], to: &[u8], reverse: bool, visit: &mut Visit<'_>) -> EngineResult<()> {
        if from >= to {
            return Ok(());
        }
        let (_, entries) = self.open()?;
        let mut pairs = guarded(&self.dir, || Ok(entries.range(from..to)))?;
        loop {
            let next = || {
                let pair = if reverse { pairs.next_back() } else { pairs.next() };
                pair.map(fjall::Guard::into_inner).transpose()
            };
            let Some((key, value)) = guarded(&self.dir, next)? else { return Ok(()) };
            // The visitor is the caller's code: it runs outside the guard.
            if let ControlFlow::Break(()) = visit(&key, &value) {
                return Ok(());
            }
        }
    }

    fn apply(&self, batch: Batch) -> EngineResult<()> {
        self.write(batch, PersistMode::Buffer)
    }

    fn sync(&self) -> EngineResult<()> {
        self.doubt.trusted(Self::NAME)?;
        self.doubt.note(self.persist(PersistMode::SyncData))
    }

    fn apply_synced(&self, batch: Batch) -> EngineResult<()> {
        self.write(batch, PersistMode::SyncData)
    }

    fn size_on_disk(&self) -> EngineResult<u64> {
        Ok(disk::size_of(&self.dir)?)
    }

    fn give_back(&mut self) -> EngineResult<()> {
        let (_, entries) = self.open()?;
        guarded(&self.dir, || entries.rotate_memtable())?;
        while entries.sealed_memtable_count() > 0 {
            self.persist(PersistMode::Buffer)?; // tells when a thread has died
            sleep(TICK);
        }
        guarded(&self.dir, || entries.major_compact())
    }

    fn close(mut self) -> EngineResult<()> {
        let last = self.sync();
        last.and(self.release())
    }
}
