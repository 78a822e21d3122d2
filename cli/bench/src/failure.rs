//! What engines and files say, as the ledger's one error.

use std::io;
use std::path::Path;

use opledger::{Error, ErrorKind};
use opledger_embedded::engine::EngineError;

fn kind_of(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::DiskFull,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Permission,
        _ => ErrorKind::Io,
    }
}

/// An operating system's error, on what.
pub(crate) fn io<'a>(doing: &'static str, path: &'a Path) -> impl Fn(io::Error) -> Error + use<'a> {
    move |cause| {
        let message = format!("can't {doing} {}: {cause}", path.display());
        Error::new(kind_of(&cause), message).caused_by(cause)
    }
}

/// An engine's error.
pub(crate) fn engine(call: &'static str) -> impl Fn(EngineError) -> Error {
    move |cause| {
        let kind = match &cause {
            EngineError::Io(cause) => kind_of(cause),
            _ => ErrorKind::Corrupt,
        };
        Error::new(kind, format!("the engine's {call}: {cause}")).caused_by(cause)
    }
}
