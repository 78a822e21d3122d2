//! Opening: a new store is made whole or not at all; damaged journals are cut, and what is cut off is kept.

use std::path::Path;
use std::sync::Arc;

use fjall::compaction::Leveled;
use fjall::{Database, Keyspace, KeyspaceCreateOptions};
use opledger_embedded::disk;
use opledger_embedded::engine::{EngineError, EngineResult};

use crate::guard::guarded;
use crate::{journal, manifest};

/// fjall's folder in the engine's folder.
pub(crate) const FOLDER: &str = "db";
const ENTRIES: &str = "entries";

/// Filters and indexes of tables are in it, too: with less, writing a million operations takes three times as long.
const CACHE: u64 = 24 * 1024 * 1024;
/// Up to five such tables are in memory; fjall's own default is 64 MiB each.
const MEMTABLE: u64 = 4 * 1024 * 1024;
/// What a table that is being written needs in memory grows with it. Of fjall's own 64 MiB, writing a million operations took
/// 113 MB in all instead of 83 to 87, and no less time.
const TABLE: u64 = 16 * 1024 * 1024;
/// Journals whose entries are in tables are removed; fjall allows no less.
const JOURNALS: u64 = 64 * 1024 * 1024;
/// Of two, one spins while the other merges tables: it hands that work to itself again and again.
const WORKERS: usize = 1;

pub(crate) fn open(dir: &Path, aside: &Path) -> EngineResult<(Database, Keyspace, Vec<String>)> {
    disk::make_whole(dir, FOLDER, |path| {
        guarded(path, || start(path).map(drop)) // fjall has let go of it when its last handle is dropped
    })?;
    let files = dir.join(FOLDER);
    // Without them fjall would begin anew: it takes the store for one that was never finished.
    for name in ["version", "lock", "keyspaces/0", "keyspaces/1"] {
        if !files.join(name).try_exists()? {
            return Err(EngineError::Corrupt(format!("its file {name} is missing")));
        }
    }
    let found = {
        let lock = std::fs::File::open(files.join("lock"))?;
        disk::lock(&lock, disk::FORK)?;
        manifest::check(&files)?;
        journal::mend(&files, aside)?
    };
    for text in &found {
        tracing::warn!(dir = %dir.display(), "{text}");
    }
    let (db, entries) = guarded(&files, || start(&files))?;
    Ok((db, entries, found))
}

fn start(path: &Path) -> fjall::Result<(Database, Keyspace)> {
    let db = Database::builder(path).cache_size(CACHE).max_journaling_size(JOURNALS).worker_threads(WORKERS).open()?;
    let entries = db.keyspace(ENTRIES, || {
        let tables = Leveled::default().with_table_target_size(TABLE);
        KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE).compaction_strategy(Arc::new(tables))
    })?;
    Ok((db, entries))
}
