//! Small things about files: durable folders, errors with a path in them.

use std::fs;
use std::io;
use std::path::Path;

use opledger::{Error, ErrorKind};

use crate::disk::sync_folder;
use crate::engine::EngineError;

/// Makes the folder `dir` and its parents, each durable in the one above it.
pub(crate) fn make_folder(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        make_folder(parent)?;
    }
    match fs::create_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    sync_folder(parent.unwrap_or(Path::new(".")))
}

/// An error of the operating system, about a path.
pub(crate) fn io_error(what: &str, path: &Path, error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => ErrorKind::DiskFull,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Permission,
        _ => ErrorKind::Io,
    };
    Error::new(kind, format!("{what} {}: {error}", path.display())).caused_by(error)
}

/// An error of an engine.
pub(crate) fn engine_error(error: EngineError, dir: &Path) -> Error {
    match error {
        EngineError::Io(error) => io_error("the store at", dir, error),
        EngineError::Corrupt(reason) => {
            Error::new(ErrorKind::Corrupt, format!("the store at {} is damaged: {reason}", dir.display()))
        }
    }
}
