//! fjall's panics and errors as the layout knows them.

use std::io;
use std::path::Path;

use opledger_embedded::engine::{EngineError, EngineResult};
use opledger_embedded::guard::{self, Threads};

/// fjall's threads: a panic in one of them makes fjall refuse writes, and must not print.
pub(crate) static WORKERS: Threads = Threads::named("fjall:");

/// Less room than this on the disk is why a thread of fjall failed.
const ROOM: u64 = 32 * 1024 * 1024;

/// Runs one call into fjall; a panic becomes [`EngineError::Corrupt`].
pub(crate) fn guarded<T>(dir: &Path, call: impl FnOnce() -> Result<T, fjall::Error>) -> EngineResult<T> {
    guard::guarded("fjall", || call().map_err(|error| convert(dir, error)))
}

fn convert(dir: &Path, error: fjall::Error) -> EngineError {
    match error {
        fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error)) => match error.kind() {
            io::ErrorKind::NotFound => EngineError::Corrupt(format!("a file of fjall's is missing: {error}")),
            _ => guard::io_error(error),
        },
        fjall::Error::Locked => {
            EngineError::Io(io::Error::new(io::ErrorKind::WouldBlock, "the store is open elsewhere"))
        }
        // fjall does not tell what its thread met; a full disk is by far the likeliest.
        fjall::Error::Poisoned if room(dir).is_some_and(|room| room < ROOM) => {
            EngineError::Io(io::Error::new(io::ErrorKind::StorageFull, "a thread of fjall's failed, the disk is full"))
        }
        fjall::Error::Poisoned => EngineError::Io(io::Error::other("a write of fjall's has failed before")),
        other => EngineError::Corrupt(other.to_string()),
    }
}

fn room(dir: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(dir).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}
