//! redb's panics and errors as the layout knows them.

use std::io;

use opledger_embedded::engine::{EngineError, EngineResult};
use opledger_embedded::guard;

/// Runs one call into redb; a panic becomes [`EngineError::Corrupt`].
pub(crate) fn guarded<T>(call: impl FnOnce() -> Result<T, redb::Error>) -> EngineResult<T> {
    guard::guarded("redb", || call().map_err(convert))
}

fn convert(error: redb::Error) -> EngineError {
    match error {
        redb::Error::Io(error) => guard::io_error(error),
        // What failed was told by the call that failed.
        redb::Error::PreviousIo => EngineError::Io(io::Error::other("redb's file failed before")),
        redb::Error::UpgradeRequired(_) => EngineError::Io(io::Error::new(io::ErrorKind::Unsupported, error)),
        other => EngineError::Corrupt(other.to_string()),
    }
}
