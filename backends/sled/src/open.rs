//! Opening: look first, keep what may be lost, mend what can be mended, then let sled at the files.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use opledger_embedded::disk;
use opledger_embedded::engine::{EngineError, EngineResult};

use crate::engine::lock;
use crate::{log, preserve};

/// How many places of a damaged log are tried as its end.
const TRIES: usize = 16;

/// Opens with `start`; gives its handle and what was found wrong, in words.
pub(crate) fn open<T>(dir: &Path, aside: &Path, start: impl Fn() -> EngineResult<T>) -> EngineResult<(T, Vec<String>)> {
    let Some(held) = lock(dir, disk::FORK)? else {
        return Ok((start()?, Vec::new())); // nothing here yet
    };
    let mut found = Vec::new();
    // A snapshot that was being written when the process ended: its predecessor is still there, but sled would read it.
    for name in preserve::snapshots(dir)? {
        if name.to_string_lossy().ends_with(".generating") {
            disk::remove(&dir.join(name))?;
        }
    }
    let conf_bad = conf_damaged(dir)?;
    let snapshot = read_snapshot(dir)?;
    let stable = match snapshot {
        Snapshot::Good { stable } => stable,
        _ => 0,
    };
    let mut db = fs::File::open(dir.join("db"))?;
    let survey = log::survey(dir, &mut db, stable)?;
    let snapshot_bad = matches!(snapshot, Snapshot::Bad);
    if conf_bad {
        found.push("conf was damaged; written anew".to_owned());
    }
    if snapshot_bad {
        found.push("the snapshot was damaged; rebuilt from the log".to_owned());
    }
    found.extend(survey.damage.iter().cloned());
    let whole = || vec![(0, survey.length)];
    let parts = if conf_bad || snapshot_bad { Some(whole()) } else { preserve::plan(&survey) };
    if let Some(parts) = &parts {
        match preserve::keep(dir, aside, survey.length, parts) {
            // On a disk that is nearly full a torn end is enough; opening must not need room for the whole store.
            Err(error) if error.kind() == ErrorKind::StorageFull && found.is_empty() => {
                preserve::keep(dir, aside, survey.length, &survey.doubts)?;
            }
            other => other?,
        }
    }
    if conf_bad {
        disk::remove(&dir.join("conf"))?;
    }
    if snapshot_bad {
        remove_snapshots(dir)?;
    }
    for text in &found {
        tracing::warn!(dir = %dir.display(), "{text}");
    }
    // Kept in memory for the case that sled fails where nothing seemed wrong.
    let before = if parts.is_some() { Vec::new() } else { snapshot_bytes(dir)? };
    drop(held);
    let error = match start() {
        Err(error @ EngineError::Corrupt(_)) => error,
        other => return Ok((other?, found)),
    };
    tracing::warn!(dir = %dir.display(), %error, "the store did not open; trying again without its snapshot");

    // Keep everything, as it was found, before the second try.
    let held = lock(dir, STOP)?;
    if parts.is_some() {
        preserve::restore(aside, dir)?;
    } else {
        remove_snapshots(dir)?;
        for (name, bytes) in before {
            fs::write(dir.join(name), bytes)?;
        }
        if db.metadata()?.len() != survey.length {
            fs::OpenOptions::new().write(true).open(dir.join("db"))?.set_len(survey.length)?;
        }
    }
    preserve::keep(dir, aside, survey.length, &whole())?;
    if conf_bad {
        disk::remove(&dir.join("conf"))?;
    }
    remove_snapshots(dir)?;
    let again = log::survey(dir, &mut db, 0)?;
    drop(held);
    found.push(format!("sled could not open the store ({error}); its pages were found anew from the log"));
    found.extend(again.damage);
    let mut last = match start() {
        Ok(handle) => return Ok((handle, found)),
        Err(last) => last,
    };
    // The log with a hole in it makes no sense to sled; up to the hole it may.
    if survey.length <= preserve::SMALL {
        for end in again.breaks.iter().rev().take(TRIES) {
            let held = lock(dir, STOP)?;
            preserve::restore(aside, dir)?;
            if snapshot_bad || *end < stable {
                remove_snapshots(dir)?;
            }
            if conf_bad {
                disk::remove(&dir.join("conf"))?;
            }
            log::cut(&mut fs::OpenOptions::new().read(true).write(true).open(dir.join("db"))?, *end)?;
            drop(held);
            match start() {
                Ok(handle) => {
                    found.push(format!("only what was written before place {end} of the log could be opened"));
                    return Ok((handle, found));
                }
                Err(error) => last = error,
            }
        }
    }
    tracing::warn!(dir = %dir.display(), error = %last, "the store can't be opened; its files are put back");
    let held = lock(dir, STOP)?;
    preserve::restore(aside, dir)?;
    drop(held);
    Err(error)
}

/// Whether opening would find nothing wrong in what a session wrote that was closed just now. Bytes behind the end of its log are
/// not of it: the segment served before.
pub(crate) fn is_whole(dir: &Path) -> EngineResult<bool> {
    let Some(_held) = lock(dir, STOP)? else { return Ok(false) };
    let stable = match read_snapshot(dir)? {
        Snapshot::None => 0,
        Snapshot::Good { stable } => stable,
        Snapshot::Bad => return Ok(false),
    };
    let survey = log::survey(dir, &mut fs::File::open(dir.join("db"))?, stable)?;
    Ok(!conf_damaged(dir)? && survey.damage.is_empty() && !survey.torn)
}

/// How long sled's threads may hold the file after a failed start.
const STOP: Duration = Duration::from_secs(5);

enum Snapshot {
    None,
    Good { stable: i64 },
    Bad,
}

/// sled takes the last by name; it ends with the length of the body (8) and a CRC of it (4).
fn read_snapshot(dir: &Path) -> EngineResult<Snapshot> {
    let Some(name) = preserve::snapshots(dir)?.pop() else { return Ok(Snapshot::None) };
    let bytes = fs::read(dir.join(&name))?;
    let name = name.to_string_lossy();
    let stable = name.strip_prefix("snap.").and_then(|hex| i64::from_str_radix(hex, 16).ok());
    let good = bytes.split_last_chunk::<4>().is_some_and(|(rest, crc)| {
        rest.split_last_chunk::<8>()
            .is_some_and(|(body, _)| !body.is_empty() && crc32fast::hash(body) == u32::from_le_bytes(*crc))
    });
    Ok(match (good, stable) {
        (true, Some(stable)) if stable >= 0 => Snapshot::Good { stable },
        _ => Snapshot::Bad,
    })
}

fn snapshot_bytes(dir: &Path) -> EngineResult<Vec<(std::path::PathBuf, Vec<u8>)>> {
    let mut all = Vec::new();
    for name in preserve::snapshots(dir)? {
        let bytes = fs::read(dir.join(&name))?;
        all.push((name, bytes));
    }
    Ok(all)
}

fn remove_snapshots(dir: &Path) -> EngineResult<()> {
    for name in preserve::snapshots(dir)? {
        disk::remove(&dir.join(name))?;
    }
    Ok(())
}

/// `conf` ends with its CRC (4 bytes). One that is intact but tells other settings is sled's to refuse.
fn conf_damaged(dir: &Path) -> EngineResult<bool> {
    let bytes = match fs::read(dir.join("conf")) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false), // sled writes it
        Err(error) => return Err(error.into()),
    };
    let intact = bytes
        .split_last_chunk::<4>()
        .is_some_and(|(body, crc)| !body.is_empty() && crc32fast::hash(body) == u32::from_le_bytes(*crc));
    Ok(!intact)
}
