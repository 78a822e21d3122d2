//! The inbox: what processes that do not hold the store want to happen. One file an intent, checksummed and
//! synced; whoever holds the store folds them in.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use opledger::intent::Intent;
use opledger::model::UnitId;
use opledger::{Clock, Completion, Error, ErrorKind, Result, Status, SystemClock};

use crate::codec;
use crate::disk::sync_folder;
use crate::files::{io_error, make_folder};

/// The ending of an intent whose writer waits for an answer.
const ASKS: &str = ".ask";
/// Names of files that are being written begin so.
const UNFINISHED: &str = ".";
/// How often an answer is looked for.
const LOOK: Duration = Duration::from_millis(5);
/// Answers and unfinished files of writers that died are removed after this time.
const STALE: Duration = Duration::from_secs(3600);

/// The inbox of the store in a folder.
#[derive(Debug, Clone)]
pub struct Inbox {
    store: PathBuf,
    dir: PathBuf,
}

/// An intent that waits, by the name of its file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Waiting(String);

impl Waiting {
    /// Whether its writer waits for an answer.
    pub(crate) fn asks(&self) -> bool {
        self.0.ends_with(ASKS)
    }
}

impl Inbox {
    /// The inbox of the store at `dir`; nothing is opened or made yet.
    pub fn at(dir: impl AsRef<Path>) -> Self {
        let store = dir.as_ref().to_owned();
        Self { dir: store.join("inbox"), store }
    }

    /// Leaves an intent to be folded in; on disk when this returns. Never waits for a holder.
    ///
    /// # Errors
    /// Names the folder when it can't be written: 53100 when the disk is full.
    pub fn put(&self, intent: &Intent) -> Result<()> {
        self.write(intent, "").map(|_| ())
    }

    /// Leaves an intent and waits `at_most` so long for what becomes of it; none when nobody folded it in by
    /// then: it stays, and is judged when the store is next opened.
    ///
    /// # Errors
    /// Names the folder when it can't be written, or gives the reason when the intent was refused.
    pub fn put_and_wait(&self, intent: &Intent, at_most: Duration) -> Result<Option<Completion>> {
        let name = self.write(intent, ASKS)?;
        let answer = self.store.join("answers").join(&name);
        let deadline = Instant::now() + at_most;
        loop {
            match fs::read_to_string(&answer) {
                Ok(text) => {
                    if let Err(error) = fs::remove_file(&answer) {
                        tracing::warn!(%error, path = %answer.display(), "an answer that was read can't be removed");
                    }
                    return parse_answer(&text).map(Some);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(io_error("can't read", &answer, error)),
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            std::thread::sleep(LOOK);
        }
    }

    fn write(&self, intent: &Intent, ending: &str) -> Result<String> {
        // Within a process the names are in the order of the calls, whatever the clock does.
        static SEQUENCE: AtomicU32 = AtomicU32::new(0);
        let sequence = SEQUENCE.fetch_add(1, Ordering::Relaxed);
        let UnitId(random) = UnitId::random()?;
        let random = u32::from_le_bytes(*random.first_chunk::<4>().unwrap_or(&[0; 4]));
        let micros = SystemClock.now().as_micros();
        let process = std::process::id();
        let name = format!("{micros:016x}-{process:08x}-{sequence:08x}-{random:08x}{ending}");
        let bytes = codec::encode_intent(intent)
            .map_err(|damage| Error::new(ErrorKind::InvalidValue, format!("{}: {}", damage.record, damage.reason)))?;
        let written = make_folder(&self.dir).and_then(|()| write_whole(&self.dir, &name, &bytes));
        written.map_err(|error| io_error("can't write into", &self.dir, error))?;
        Ok(name)
    }

    /// Whether something may wait.
    pub(crate) fn has_any(&self) -> bool {
        fs::read_dir(&self.dir).is_ok_and(|entries| entries.flatten().any(|entry| intent_name(&entry).is_some()))
    }

    /// What waits, in the order of the names.
    pub(crate) fn list(&self) -> io::Result<BTreeSet<Waiting>> {
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
            Err(error) => return Err(error),
        };
        let mut names = BTreeSet::new();
        for entry in entries {
            names.extend(intent_name(&entry?).map(Waiting));
        }
        Ok(names)
    }

    /// Reads what waits: none when it has gone, the reason when it is damaged.
    pub(crate) fn read(&self, waiting: &Waiting) -> io::Result<Option<std::result::Result<Intent, String>>> {
        match fs::read(self.dir.join(&waiting.0)) {
            Ok(bytes) => Ok(Some(codec::decode_intent(&bytes).map_err(|damage| damage.reason))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes what was folded in, after its answer is left for who waits for one.
    pub(crate) fn done(&self, waiting: &Waiting, answer: &Result<Completion>) -> io::Result<()> {
        if waiting.asks() {
            let answers = self.store.join("answers");
            make_folder(&answers)?;
            write_whole(&answers, &waiting.0, answer_text(answer).as_bytes())?;
        }
        fs::remove_file(self.dir.join(&waiting.0))
    }

    /// Moves what can't be folded in out of the way, where a person finds it.
    pub(crate) fn set_aside(&self, waiting: &Waiting, why: &str) -> io::Result<()> {
        let folder = self.store.join("aside").join(why);
        make_folder(&folder)?;
        fs::rename(self.dir.join(&waiting.0), folder.join(&waiting.0))?;
        sync_folder(&folder)
    }

    /// Removes what writers that died have left.
    pub(crate) fn tidy(&self) {
        for dir in [self.dir.clone(), self.store.join("answers")] {
            let in_answers = dir.ends_with("answers");
            for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
                let unfinished = entry.file_name().to_string_lossy().starts_with(UNFINISHED);
                let modified = entry.metadata().and_then(|metadata| metadata.modified());
                let old = modified.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > STALE));
                if old
                    && (unfinished || in_answers)
                    && let Err(error) = fs::remove_file(entry.path())
                {
                    tracing::warn!(%error, path = %entry.path().display(), "a stale file can't be removed");
                }
            }
        }
    }
}

/// The name of an intent's file; none for a file that is being written, or for what is no file at all.
fn intent_name(entry: &fs::DirEntry) -> Option<String> {
    let name = entry.file_name().to_string_lossy().into_owned();
    let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
    (is_file && !name.starts_with(UNFINISHED)).then_some(name)
}

/// Writes a file that is there whole and durable, or not at all.
fn write_whole(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let unfinished = dir.join(format!("{UNFINISHED}{name}"));
    let written = File::create_new(&unfinished).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_data()
    });
    let done = written.and_then(|()| fs::rename(&unfinished, dir.join(name)));
    if let Err(error) = done {
        // On a full disk the bytes already written would stay in the way.
        let _gone = fs::remove_file(&unfinished);
        return Err(error);
    }
    sync_folder(dir)
}

fn answer_text(answer: &Result<Completion>) -> String {
    match answer {
        Ok(Completion::Recorded) => "recorded".to_owned(),
        Ok(Completion::Unknown) => "unknown".to_owned(),
        Ok(Completion::AlreadyFinished(status)) => format!("finished {status}"),
        Err(error) => format!("refused {} {}", error.kind().sqlstate(), error.message()),
    }
}

fn parse_answer(text: &str) -> Result<Completion> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    match word {
        "recorded" => Ok(Completion::Recorded),
        "unknown" => Ok(Completion::Unknown),
        "finished" => Ok(Completion::AlreadyFinished(rest.parse().unwrap_or(Status::Completed))),
        _ => {
            let (sqlstate, message) = rest.split_once(' ').unwrap_or((rest, ""));
            Err(Error::new(ErrorKind::from_sqlstate(sqlstate).unwrap_or(ErrorKind::Corrupt), message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_is_no_intent() {
        // A folder in the inbox made every read fail.
        let dir = tempfile::tempdir().unwrap();
        let inbox = Inbox::at(dir.path());
        std::fs::create_dir_all(dir.path().join("inbox/folder")).unwrap();
        assert!(!inbox.has_any());
        assert!(inbox.list().unwrap().is_empty());
    }

    #[test]
    fn an_answer_keeps_the_kind_of_an_error() {
        // A conflict came back as bad input, which nobody retries.
        let refused = Error::new(ErrorKind::Conflict, "the same key has other content");
        let answer = parse_answer(&answer_text(&Err(refused))).unwrap_err();
        assert_eq!((answer.kind(), answer.message()), (ErrorKind::Conflict, "the same key has other content"));
        for completion in [Completion::Recorded, Completion::Unknown, Completion::AlreadyFinished(Status::Failed)] {
            assert_eq!(parse_answer(&answer_text(&Ok(completion))).unwrap(), completion);
        }
    }
}
