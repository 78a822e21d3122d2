//! Looks at fjall's lists of tables before fjall does.
//!
//! fjall writes checksums of these lists and does not compare them. Where a list is damaged it asks for any amount of
//! memory, which ends the process, or takes tables for left-overs and removes them. So a store with a damaged list is
//! not opened, and nothing in it changes.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use opledger_embedded::engine::{EngineError, EngineResult};
use xxhash_rust::xxh3::xxh3_128;

/// A table ends with: magic, version, kind of checksum, checksum of its list of sections, and where that is.
const TRAILER: usize = 4 + 1 + 1 + 16 + 8 + 8;

/// Checks the lists of every keyspace in fjall's folder.
pub(crate) fn check(dir: &Path) -> EngineResult<()> {
    for keyspace in fs::read_dir(dir.join("keyspaces"))? {
        let keyspace = keyspace?.path();
        let current = fs::read(keyspace.join("current")).unwrap_or_default();
        let damaged = || EngineError::Corrupt(format!("the list of tables in {} is damaged", keyspace.display()));
        let (version, rest) = current.split_first_chunk().ok_or_else(damaged)?;
        let (checksum, _) = rest.split_first_chunk().ok_or_else(damaged)?;
        let list = fs::read(keyspace.join(format!("v{}", u64::from_le_bytes(*version)))).map_err(|_| damaged())?;
        if xxh3_128(&list) != u128::from_le_bytes(*checksum) {
            return Err(damaged());
        }
        let tables = match fs::read_dir(keyspace.join("tables")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue, // fjall makes it
            tables => tables?,
        };
        for table in tables {
            let table = table?.path();
            if !has_sections(&table)? {
                return Err(EngineError::Corrupt(format!("the table {} is damaged", table.display())));
            }
        }
    }
    Ok(())
}

/// Whether a table's list of sections is whole. One that is still being written has none, and fjall removes it.
fn has_sections(table: &Path) -> EngineResult<bool> {
    let mut file = File::open(table)?;
    let length = file.metadata()?.len();
    let Some(end) = length.checked_sub(TRAILER as u64) else { return Ok(true) };
    file.seek(SeekFrom::Start(end))?;
    let mut trailer = [0; TRAILER];
    file.read_exact(&mut trailer)?;
    let [b'S', b'F', b'A', b'!', _, _, rest @ ..] = trailer else { return Ok(true) };
    let (checksum, place) = rest.split_at(16);
    let begin = place.first_chunk().map_or(u64::MAX, |bytes| u64::from_le_bytes(*bytes));
    if begin > end {
        return Ok(false);
    }
    file.seek(SeekFrom::Start(begin))?;
    let mut sections = Vec::new();
    file.take(end - begin).read_to_end(&mut sections)?;
    Ok(xxh3_128(&sections).to_le_bytes() == checksum)
}
