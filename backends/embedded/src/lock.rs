//! One process at a time: an advisory lock on the file LOCK, which also says who holds it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use opledger::{Clock, Error, ErrorKind, Result, SystemClock};

use crate::files::io_error;

/// How often a taken lock is tried again; the operating system has no lock with a time-out.
const RETRY: Duration = Duration::from_millis(5);

/// The lock, held until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Takes the lock of the store at `dir`, waiting `at_most` for another holder.
pub(crate) fn take(dir: &Path, at_most: Duration, holder: &str) -> Result<Lock> {
    let path = dir.join("LOCK");
    let failed = |error| io_error("can't lock", &path, error);
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
    let deadline = Instant::now() + at_most;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(RETRY),
            Err(TryLockError::WouldBlock) => return Err(held(dir, &mut file)),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
    }
    let since = SystemClock.now().to_seconds_text();
    let text = format!("process {} ({holder}), since {since}\n", std::process::id());
    // Who holds it is a courtesy: a full disk must not keep a reader out.
    if let Err(error) = file.set_len(0).and_then(|()| file.write_all(text.as_bytes())) {
        tracing::warn!(%error, path = %path.display(), "can't write who holds the store");
    }
    Ok(Lock { _file: file })
}

fn held(dir: &Path, file: &mut File) -> Error {
    let mut holder = String::new();
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.take(300).read_to_string(&mut holder));
    let holder = match read {
        Ok(_) if !holder.trim().is_empty() => holder.trim().to_owned(),
        _ => "another process".to_owned(),
    };
    let message = format!("the store at {} is in use by {holder}; try again when it has ended", dir.display());
    Error::new(ErrorKind::Locked, message)
}
