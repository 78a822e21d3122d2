//! sled's panics and errors as the layout knows them.

use std::io;

use opledger_embedded::engine::{EngineError, EngineResult};
use opledger_embedded::guard::{self, Threads};

/// sled's pool threads. sled has seven that last and never replaces one; what one that panicked was to write may be
/// waited for without end.
pub(crate) static POOL: Threads = Threads::named("sled-io-");

/// sled can work with fewer threads, but not with none.
const POOL_SPENT: usize = 6;

/// Refuses where sled's threads of this process are used up: opening would wait for them without end.
pub(crate) fn pool_alive() -> EngineResult<()> {
    if POOL.panics() < POOL_SPENT {
        return Ok(());
    }
    let text = "sled's worker threads have died in this process; start it again";
    Err(EngineError::Io(io::Error::other(text)))
}

/// Runs one call into sled; a panic becomes [`EngineError::Corrupt`].
pub(crate) fn guarded<T>(call: impl FnOnce() -> Result<T, sled::Error>) -> EngineResult<T> {
    guard::guarded("sled", || call().map_err(convert))
}

fn convert(error: sled::Error) -> EngineError {
    match error {
        sled::Error::Io(error) => match error.kind() {
            io::ErrorKind::Other if error.to_string().starts_with("could not acquire lock") => {
                EngineError::Io(io::Error::new(io::ErrorKind::WouldBlock, error))
            }
            _ => guard::io_error(error),
        },
        sled::Error::Unsupported(why) => EngineError::Io(io::Error::new(io::ErrorKind::Unsupported, why)),
        other => EngineError::Corrupt(other.to_string()),
    }
}
