//! Opening: take the lock, let the engine at its files, look whether it still has all that HEAD promises.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use opledger::store::{Damage, Loss};
use opledger::{Clock, Error, ErrorKind, Result, SystemClock};

use crate::codec::{self, MetaRow};
use crate::committer::{Committer, Seat};
use crate::disk::remove;
use crate::engine::{Batch, Engine, EngineError};
use crate::files::{engine_error, io_error, make_folder};
use crate::head::Head;
use crate::inbox::Inbox;
use crate::keys;
use crate::known::Recent;
use crate::load::load;
use crate::lock;
use crate::options::Options;
use crate::purge::Swept;
use crate::queue::{Company, Queue};
use crate::shared::Shared;
use crate::store::EmbeddedStore;
use crate::transaction::LogEnd;

/// The folders in a store that are no engine's.
const OWN: [&str; 3] = ["inbox", "answers", "aside"];

pub(crate) fn open<E: Engine>(dir: &Path, options: &Options) -> Result<EmbeddedStore<E>> {
    make_folder(dir).map_err(|error| io_error("can't make the folder", dir, error))?;
    let lock = lock::take(dir, options.lock_wait, &options.holder)?;
    not_of_another::<E>(dir).map_err(|error| io_error("can't list", dir, error))??;
    let mut head = Head::open(dir).map_err(|error| io_error("can't open HEAD in", dir, error))?;
    let (engine, aside) = open_engine::<E>(dir)?;
    let mut loaded = load(&engine).map_err(|error| engine_error(error, dir))?;
    for damage in &loaded.damaged {
        tracing::error!(record = damage.record, reason = damage.reason, "a damaged record");
    }
    let met = engine.found().iter().map(|text| Damage::new("engine", text.clone()));
    let found: Vec<Damage> = met.chain(loaded.damaged.clone()).collect();
    let mark = head.mark();
    let lost = mark.last.saturating_sub(loaded.end.last);
    let operations = mark.operations.saturating_sub(loaded.end.operations);
    let after = loaded.meta.position(loaded.end.last);
    if lost > 0 && options.accept_loss {
        // The log goes on in a new epoch, behind all places that were ever given out.
        loaded.end.last = mark.last;
        loaded.meta.epochs.push(mark.last.saturating_add(1));
        store_meta(&engine, &loaded.meta, dir)?;
        head.write(loaded.end.last, loaded.end.operations)
            .and_then(|()| head.sync())
            .map_err(|error| io_error("can't write HEAD in", dir, error))?;
    } else if lost == 0 && !loaded.is_stored {
        store_meta(&engine, &loaded.meta, dir)?;
    }
    let head_was_damaged = head.is_damaged();
    let end = loaded.end;
    let mut shared = Shared::new(dir.to_owned(), engine, loaded, head_was_damaged);
    if lost > 0 {
        if !options.accept_loss {
            shared.loss = Some(Loss { after, versions: lost, operations });
        }
        // Accepted or not: what was found may be all that is left of it.
        let kept = aside.keep().map_err(|error| io_error("can't keep the files of", dir, error))?;
        tracing::error!(operations, versions = lost, %after, kept = %kept.display(), "the engine lost a tail");
    } else {
        let settled = if found.is_empty() { aside.discard() } else { aside.keep().map(|_| ()) };
        settled.map_err(|error| io_error("can't settle the copy in", dir, error))?;
    }
    shared.found = found;
    start(shared, head, lock, end, options)
}

/// A store is kept by one engine: another one would begin an empty log beside it, and call the rest lost.
fn not_of_another<E: Engine>(dir: &Path) -> std::io::Result<Result<()>> {
    if dir.join(E::NAME).exists() || !dir.join("HEAD").exists() {
        return Ok(Ok(()));
    }
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() && !OWN.contains(&name.as_str()) {
            let message = format!("the store at {} is kept by {name}, not by {}", dir.display(), E::NAME);
            return Ok(Err(Error::new(ErrorKind::InvalidValue, message)));
        }
    }
    Ok(Ok(()))
}

fn start<E: Engine>(
    shared: Shared<E>,
    head: Head,
    lock: lock::Lock,
    end: LogEnd,
    options: &Options,
) -> Result<EmbeddedStore<E>> {
    let shared = Arc::new(shared);
    shared.tail.advance(shared.position(end.last));
    let inbox = Inbox::at(&shared.dir);
    inbox.tidy();
    let committer = Committer {
        shared: Arc::clone(&shared),
        inbox: inbox.clone(),
        head,
        durability: options.durability,
        end,
        recent: Recent::default(),
        unsynced: None,
        swept: Swept::default(),
        removed: 0,
        company: Company::default(),
        head_synced: Instant::now(),
        _lock: lock,
    };
    let seat = Arc::new(Seat { queue: Queue::default(), committer: Mutex::new(Some(committer)) });
    let own = Arc::clone(&seat);
    let thread = std::thread::Builder::new()
        .name("opledger-commit".to_owned())
        .spawn(move || own.run())
        .map_err(|error| io_error("no thread for the store at", &shared.dir, error))?;
    Ok(EmbeddedStore { shared, seat, inbox, thread: Mutex::new(Some(thread)) })
}

fn text(damage: &Damage) -> String {
    format!("{}: {}", damage.record, damage.reason)
}

fn store_meta<E: Engine>(engine: &E, meta: &MetaRow, dir: &Path) -> Result<()> {
    let bytes = codec::encode(meta).map_err(|damage| Error::new(ErrorKind::Corrupt, text(&damage)))?;
    let batch = Batch { entries: vec![(keys::META.to_vec(), Some(bytes))] };
    engine.apply(batch).and_then(|()| engine.sync()).map_err(|error| engine_error(error, dir))
}

/// The copies that an engine made of its files before it changed them: of this opening, and of an earlier one
/// that was cut short.
pub(crate) struct Aside([PathBuf; 2]);

impl Aside {
    /// Nothing was lost: the copies are not needed.
    pub(crate) fn discard(self) -> std::io::Result<()> {
        self.0.iter().try_for_each(|copy| remove(copy))
    }

    /// Something was lost: the copies stay, under names that say when.
    pub(crate) fn keep(self) -> std::io::Result<PathBuf> {
        let name = format!("found-{}", SystemClock.now().to_key_text().replace(':', ""));
        let [first, again] = &self.0;
        let kept = first.with_file_name(&name);
        if again.exists() {
            std::fs::rename(again, again.with_file_name(format!("{name}-again")))?;
        }
        if first.exists() {
            std::fs::rename(first, &kept)?;
        }
        Ok(kept)
    }
}

/// Opens the engine's files; a copy of what that could destroy is made first.
///
/// A copy from an opening that was cut short stays until the store has proved whole: it may be the only one. There
/// are never more than two, however often it is tried: on a full disk they would take the room that comes free.
pub(crate) fn open_engine<E: Engine>(dir: &Path) -> Result<(E, Aside)> {
    let files = dir.join(E::NAME);
    make_folder(&files).map_err(|error| io_error("can't make the folder", &files, error))?;
    let aside = Aside(["opening", "opening-again"].map(|name| dir.join("aside").join(name)));
    let [first, again] = &aside.0;
    remove(again).map_err(|error| io_error("can't remove", again, error))?;
    let copy = if first.exists() { again } else { first };
    match E::open(&files, copy) {
        Ok(engine) => Ok((engine, aside)),
        Err(EngineError::Io(error)) => {
            if let Err(error) = remove(again) {
                tracing::warn!(%error, path = %again.display(), "a copy can't be removed");
            }
            Err(io_error("can't open the engine in", &files, error))
        }
        Err(error @ EngineError::Corrupt(_)) => {
            let error = engine_error(error, dir);
            let kept = if first.exists() { first } else { &files };
            let message = format!("{}; the files as found are in {}", error.message(), kept.display());
            Err(Error::new(ErrorKind::Corrupt, message))
        }
    }
}
