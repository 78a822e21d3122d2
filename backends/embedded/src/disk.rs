//! What engines do with files: durable folders, files that are there whole or not at all, locks, sizes.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a child that is being started may keep its copy of a lock.
pub const FORK: Duration = Duration::from_millis(100);

/// Makes the entries of a folder durable. Where a folder can't be opened as a file (Windows) there is nothing to do.
///
/// # Errors
/// Gives the error of the file system.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        File::open(path)?.sync_all()?;
    }
    Ok(())
}

/// Removes a file or a folder with all in it; one that isn't there is fine.
///
/// # Errors
/// Gives the error of the file system.
pub fn remove(path: &Path) -> io::Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes `dir/name` where it isn't there, by `make` at another name: whatever stops the process meanwhile, `dir/name` is
/// there whole and durable, or not at all.
///
/// # Errors
/// Gives the error of `make` or of the file system.
pub fn make_whole<E: From<io::Error>>(
    dir: &Path,
    name: &str,
    make: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), E> {
    let path = dir.join(name);
    if path.try_exists()? {
        return Ok(());
    }
    let fresh = dir.join(format!("{name}.new"));
    remove(&fresh)?;
    make(&fresh)?;
    sync_all(&fresh)?;
    fs::rename(&fresh, &path)?;
    sync_folder(dir)?;
    Ok(())
}

fn sync_all(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            sync_all(&entry?.path())?;
        }
        return sync_folder(path);
    }
    File::open(path)?.sync_all()
}

/// Takes the lock on a file, waiting `at_most` for who holds it.
///
/// # Errors
/// Gives [`io::ErrorKind::WouldBlock`] where it is held for longer, else the error of the file system.
pub fn lock(file: &File, at_most: Duration) -> io::Result<()> {
    let until = Instant::now() + at_most;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(Duration::from_millis(1)),
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(io::ErrorKind::WouldBlock, "the store is open elsewhere"));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Bytes that the files below a folder take on disk; those that vanish meanwhile don't count.
///
/// # Errors
/// Gives the error of the file system.
pub fn size_of(folder: &Path) -> io::Result<u64> {
    let mut sum = 0;
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        match entry.metadata() {
            Ok(data) if data.is_dir() => sum += size_of(&entry.path())?,
            Ok(data) => sum += allocated(&data),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sum)
}

#[cfg(unix)]
fn allocated(data: &fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    data.blocks() * 512
}

#[cfg(not(unix))]
fn allocated(data: &fs::Metadata) -> u64 {
    data.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_begun_and_not_finished_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let stopped = make_whole(dir.path(), "db", |path| {
            fs::create_dir(path)?;
            fs::write(path.join("half"), "half")?;
            Err(io::Error::other("stopped"))
        });
        assert!(stopped.is_err() && !dir.path().join("db").exists());
        make_whole(dir.path(), "db", |path| fs::create_dir(path)).unwrap();
        assert_eq!(fs::read_dir(dir.path().join("db")).unwrap().count(), 0);
        make_whole(dir.path(), "db", |_| -> io::Result<()> { panic!("it is there") }).unwrap();
    }
}
