//! Opening: a new file is made whole or not at all; what redb writes into an old one can be taken back.

use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Arc;

use opledger_embedded::disk;
use opledger_embedded::engine::{EngineError, EngineResult};
use redb::{Builder, Database, ReadableDatabase, TableDefinition};

use crate::guard::guarded;
use crate::preserve::{Backend, KeptFile};

/// redb's file in the engine's folder.
pub(crate) const FILE: &str = "db.redb";
pub(crate) const ENTRIES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("entries");

/// redb's own default is 1 GiB. A third of it is for pages that wait to be written.
const CACHE: usize = 24 * 1024 * 1024;

pub(crate) fn open(dir: &Path, aside: &Path) -> EngineResult<(Database, Arc<KeptFile>)> {
    disk::make_whole(dir, FILE, make)?;
    let file = OpenOptions::new().read(true).write(true).open(dir.join(FILE))?;
    disk::lock(&file, disk::FORK)?;
    if file.metadata()?.len() == 0 {
        // redb would make an empty store of it.
        return Err(EngineError::Corrupt("its file is empty".to_owned()));
    }
    let file = Arc::new(KeptFile::new(file, aside)?);
    let opened = guarded(|| {
        let db = builder().create_with_backend(Backend(Arc::clone(&file)))?;
        db.begin_read()?.open_table(ENTRIES)?;
        Ok(db)
    });
    match opened {
        Ok(db) => {
            file.opened();
            Ok((db, file))
        }
        Err(error) => {
            tracing::warn!(dir = %dir.display(), %error, "redb did not open its file, which is left as it was found");
            file.take_back()?;
            Err(error)
        }
    }
}

fn make(path: &Path) -> EngineResult<()> {
    guarded(|| {
        let db = builder().create(path)?;
        let writes = db.begin_write()?;
        writes.open_table(ENTRIES)?;
        writes.commit()?;
        Ok(db.close()?)
    })
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE);
    builder
}
