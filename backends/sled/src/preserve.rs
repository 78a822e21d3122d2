//! Keeps what opening a store could destroy, and puts it back.
//!
//! sled changes files when it opens: it writes a new snapshot and removes the old ones, zeroes what follows the last
//! message it can read, zeroes or cuts off segments in which no page lives any more, and removes blobs it thinks
//! unfinished. After a clean close none of that loses anything, and nothing is kept. Otherwise these files are written
//! (and synced) before sled starts:
//!
//! | file | what |
//! |---|---|
//! | `conf`, `snap.*`, `blobs/*` | as found; hard links where the file system allows it (sled never writes into them) |
//! | `db.parts` | parts of `db`, one after the other |
//! | `parts` | text: `opledger-sled-kept 1`, `length N` (of `db`), then `part OFFSET LENGTH` in the order of `db.parts`, and `end` |
//!
//! What is kept of `db`: bytes behind the last readable message that aren't zero (512 KiB as a rule). Where messages
//! can be read behind them too, or more is damaged: all of it when it is no longer than [`SMALL`], or when the snapshot
//! has to be rebuilt; else what recovery will zero, or with damage inside, every segment since the snapshot.
//!
//! [`restore`] rebuilds the files byte for byte from a whole copy. From parts it needs `db` as opening left it, with
//! nothing written since, and a segment whose pages had all been written anew elsewhere may come back zeroed: no page
//! of the snapshot or of the kept log lies in such a segment.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use opledger_embedded::disk;

use crate::log::Survey;

/// Up to this length a damaged `db` is kept whole: 64 MiB.
pub const SMALL: u64 = 64 * 1024 * 1024;

const MAGIC: &str = "opledger-sled-kept 1";

/// The parts of `db` to keep; `None` when opening will discard nothing.
pub(crate) fn plan(survey: &Survey) -> Option<Vec<(u64, u64)>> {
    if survey.damage.is_empty() && survey.doubts.is_empty() {
        return None;
    }
    if survey.damage.is_empty() && (!survey.torn || survey.length > SMALL) {
        return Some(survey.doubts.clone());
    }
    if survey.length <= SMALL {
        return Some(vec![(0, survey.length)]);
    }
    let mut parts: Vec<_> = survey.tail.iter().chain(&survey.doubts).copied().collect();
    parts.sort_unstable();
    parts.dedup();
    Some(parts)
}

/// Copies the side files and the given parts of `db` from `dir` to `aside`, durably. Replaces what was kept before.
pub(crate) fn keep(dir: &Path, aside: &Path, length: u64, parts: &[(u64, u64)]) -> io::Result<()> {
    fs::create_dir_all(aside)?;
    clear(aside)?;
    for name in side_files(dir)? {
        link_or_copy(&dir.join(&name), &aside.join(&name))?;
    }
    let mut out = BufWriter::with_capacity(1 << 16, File::create(aside.join("db.parts"))?);
    let mut list = format!("{MAGIC}\nlength {length}\n");
    let mut whole = 0;
    if !parts.is_empty() {
        let mut db = File::open(dir.join("db"))?;
        for (offset, size) in parts {
            db.seek(SeekFrom::Start(*offset))?;
            let copied = io::copy(&mut (&mut db).take(*size), &mut out)?;
            list.push_str(&format!("part {offset} {copied}\n"));
            whole += copied;
        }
    }
    list.push_str("end\n");
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    let mut text = File::create(aside.join("parts"))?;
    text.write_all(list.as_bytes())?;
    text.sync_all()?;
    disk::sync_folder(aside)?;
    if let Some(parent) = aside.parent() {
        disk::sync_folder(parent)?;
    }
    tracing::info!(bytes = whole, aside = %aside.display(), "kept what opening may discard");
    Ok(())
}

/// Puts the kept files back into `dir`, a store's folder that nobody has open: `db` gets its length and its kept
/// parts, snapshots, `conf` and blobs become the kept ones. `aside` stays as it is.
///
/// # Errors
/// Gives the error of the file system; [`io::ErrorKind::InvalidData`] where `aside` holds no complete set.
pub fn restore(aside: &Path, dir: &Path) -> io::Result<()> {
    let (length, parts) = read_list(aside)?;
    let total: u64 = parts.iter().map(|(_, size)| size).sum();
    let mut source = File::open(aside.join("db.parts"))?;
    if source.metadata()?.len() != total {
        return Err(invalid("db.parts has not the length that parts tells"));
    }
    fs::create_dir_all(dir.join("blobs"))?;
    let mut db = OpenOptions::new().create(true).truncate(false).write(true).open(dir.join("db"))?;
    db.set_len(length)?;
    for (offset, size) in parts {
        db.seek(SeekFrom::Start(offset))?;
        io::copy(&mut (&mut source).take(size), &mut db)?;
    }
    db.sync_all()?;
    for name in side_files(dir)? {
        if name.to_string_lossy().starts_with("snap.") || name.as_os_str() == "conf" {
            fs::remove_file(dir.join(name))?;
        }
    }
    for name in side_files(aside)? {
        let to = dir.join(&name);
        if to.exists() {
            fs::remove_file(&to)?;
        }
        fs::copy(aside.join(&name), &to)?;
        File::open(&to)?.sync_all()?;
    }
    disk::sync_folder(&dir.join("blobs"))?;
    disk::sync_folder(dir)
}

fn read_list(aside: &Path) -> io::Result<(u64, Vec<(u64, u64)>)> {
    let mut lines = BufReader::new(File::open(aside.join("parts"))?).lines();
    if lines.next().transpose()?.as_deref() != Some(MAGIC) {
        return Err(invalid("parts is not a list of kept parts"));
    }
    let mut length = None;
    let mut parts = Vec::new();
    for line in lines {
        let line = line?;
        let mut words = line.split(' ');
        let number = |word: Option<&str>| {
            word.and_then(|word| word.parse().ok()).ok_or_else(|| invalid("a line of parts has no number"))
        };
        match words.next() {
            Some("length") => length = Some(number(words.next())?),
            Some("part") => parts.push((number(words.next())?, number(words.next())?)),
            Some("end") => return Ok((length.ok_or_else(|| invalid("parts tells no length"))?, parts)),
            _ => return Err(invalid("a line of parts is unknown")),
        }
    }
    Err(invalid("parts ends early"))
}

/// Everything of a store but `db`, as paths in its folder.
pub(crate) fn side_files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names: Vec<PathBuf> = snapshots(dir)?;
    if dir.join("conf").exists() {
        names.push("conf".into());
    }
    match fs::read_dir(dir.join("blobs")) {
        Ok(blobs) => {
            for blob in blobs {
                names.push(Path::new("blobs").join(blob?.file_name()));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(names)
}

/// The snapshots' file names, oldest first, finished or not.
pub(crate) fn snapshots(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        if name.to_string_lossy().starts_with("snap.") {
            names.push(PathBuf::from(name));
        }
    }
    names.sort();
    Ok(names)
}

fn clear(aside: &Path) -> io::Result<()> {
    for name in side_files(aside)?.iter().map(PathBuf::as_path).chain([Path::new("parts"), Path::new("db.parts")]) {
        disk::remove(&aside.join(name))?;
    }
    Ok(())
}

fn link_or_copy(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    if fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    fs::copy(from, to)?;
    File::open(to)?.sync_all()
}

fn invalid(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}
