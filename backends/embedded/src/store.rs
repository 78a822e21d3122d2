//! The store: what callers hold. Reads run where they are asked for; changes go to the committer.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use opledger::store::{Answer, Damage, Key, Loss, Outcome, Page, Plan, Purged, Record, Scan, Store, StoreInfo, Unit};
use opledger::{Clock, Error, ErrorKind, Position, Result, Scope, SystemClock, Timestamp};

use crate::codec::{self, MetaRow, TailRow};
use crate::committer::{Committer, unpoisoned};
use crate::counters::Counters;
use crate::engine::{Batch, Engine, EngineError, EngineResult};
use crate::files::{engine_error, io_error, make_folder};
use crate::head::Head;
use crate::inbox::Inbox;
use crate::keys;
use crate::lock;
use crate::options::Options;
use crate::queue::{Job, Queue, Reply};
use crate::reader::Reader;
use crate::shared::{Names, Shared, closed};

/// A store in a folder, on the engine `E`. One process at a time has it open; others write to its [`Inbox`].
pub struct EmbeddedStore<E: Engine> {
    shared: Arc<Shared<E>>,
    queue: Arc<Queue>,
    inbox: Inbox,
    committer: Mutex<Option<JoinHandle<()>>>,
}

impl<E: Engine> std::fmt::Debug for EmbeddedStore<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedStore").field("engine", &E::NAME).field("dir", &self.shared.dir).finish_non_exhaustive()
    }
}

impl<E: Engine> EmbeddedStore<E> {
    /// Opens the store in the folder `dir`, makes it where there is none, and folds its inbox in.
    ///
    /// A store whose engine lost a tail opens for reading; [`StoreInfo::loss`] says what is lost, and writes
    /// are refused until it is opened with [`Options::accept_loss`].
    ///
    /// # Errors
    /// Gives 55P03 naming the holder when another process has it open for longer than
    /// [`Options::lock_wait`], 53100 when the disk is full, XX001 when the engine can't read its files (which
    /// are kept in `aside`), 42501 or 58030 when the folder can't be used.
    pub fn open(dir: impl AsRef<Path>, options: Options) -> Result<Self> {
        open(dir.as_ref(), &options).map_err(|error| error.during("open"))
    }

    fn reader<T>(&self, scope: Scope, read: impl FnOnce(&Reader<'_, E>) -> Result<T>) -> Result<T> {
        self.shared.read(|engine| read(&Reader { shared: &self.shared, engine, scope }))
    }

    /// Hands a job over; the future waits for its answer.
    fn submit<T, J>(&self, job: J) -> impl Future<Output = Result<T>> + Send + use<T, J, E>
    where
        T: Send + 'static,
        J: FnOnce(Reply<T>) -> Job,
    {
        let (reply, answer) = oneshot::channel();
        let pushed = self.queue.push(job(reply)).is_ok();
        async move {
            if !pushed {
                return Err(closed());
            }
            answer.await.unwrap_or_else(|_| Err(closed()))
        }
    }

    /// What other processes left in the inbox comes before the answer.
    async fn fold_first(&self) -> Result<()> {
        if self.shared.loss.is_some() || !self.inbox.has_any() {
            return Ok(());
        }
        match self.submit(Job::Fold).await {
            // What is stored can be read on a full disk; the inbox waits for room.
            Err(error) if error.kind() == ErrorKind::DiskFull && self.shared.read(|_| Ok(())).is_ok() => {
                tracing::warn!(%error, "the inbox could not be folded in");
                Ok(())
            }
            folded => folded,
        }
    }
}

impl<E: Engine> Store for EmbeddedStore<E> {
    fn info(&self) -> StoreInfo {
        StoreInfo {
            engine: E::NAME,
            location: self.shared.dir.display().to_string(),
            persistent: true,
            loss: self.shared.loss,
        }
    }

    fn commit(&self, units: Vec<Unit>) -> impl Future<Output = Result<Vec<Outcome>>> + Send + use<E> {
        self.submit(|reply| Job::Commit(units, reply))
    }

    async fn get(&self, scope: Scope, keys: &[Key]) -> Result<Vec<Option<Record>>> {
        self.fold_first().await?;
        self.reader(scope, |reader| reader.get(keys))
    }

    async fn scan(&self, scope: Scope, scan: &Scan, limit: usize) -> Result<Page> {
        self.fold_first().await?;
        self.reader(scope, |reader| reader.scan(scan, limit))
    }

    async fn answer(&self, scope: Scope, plan: &Plan) -> Result<Option<Answer>> {
        self.fold_first().await?;
        self.reader(scope, |reader| {
            Ok(match plan {
                Plan::Activity { at, window } => Some(Answer::Activity(Box::new(reader.activity(*at, *window)?))),
                Plan::Integrity => Some(Answer::Integrity(reader.integrity()?)),
                Plan::Size => {
                    let size = reader.engine.size_on_disk().map_err(|error| self.shared.engine_failed(error))?;
                    Some(Answer::Size(size))
                }
                _ => None,
            })
        })
    }

    async fn purge(&self, scope: Scope, before: Timestamp, limit: usize) -> Result<Purged> {
        self.fold_first().await?;
        self.submit(|reply| Job::Purge { scope, before, limit, reply }).await
    }

    async fn wait(&self, after: Position, at_most: Duration) -> Result<Position> {
        self.shared.read(|_| Ok(()))?;
        Ok(self.shared.tail.wait(after, at_most).await)
    }

    async fn close(&self) -> Result<()> {
        self.submit(Job::Close).await
    }
}

impl<E: Engine> Drop for EmbeddedStore<E> {
    /// Finishes what was handed over and releases the folder.
    fn drop(&mut self) {
        let (reply, _nobody_waits) = oneshot::channel();
        // Closed before: then the committer is ending, or has.
        let _closed_before = self.queue.push(Job::Close(reply));
        if let Some(committer) = unpoisoned(self.committer.lock()).take()
            && committer.join().is_err()
        {
            tracing::error!("the committer panicked");
        }
    }
}

fn open<E: Engine>(dir: &Path, options: &Options) -> Result<EmbeddedStore<E>> {
    make_folder(dir).map_err(|error| io_error("can't make the folder", dir, error))?;
    let lock = lock::take(dir, options.lock_wait, &options.holder)?;
    let mut head = Head::open(dir).map_err(|error| io_error("can't open HEAD in", dir, error))?;
    let (engine, aside) = open_engine::<E>(dir)?;
    let mut loaded = load(&engine).map_err(|error| engine_error(error, dir))?;
    for damage in &loaded.damaged {
        tracing::error!(record = damage.record, reason = damage.reason, "a damaged record");
    }
    let found = engine.found().to_vec();
    let mark = head.mark();
    let lost = mark.last.saturating_sub(loaded.tail.last);
    if lost > 0 && options.accept_loss {
        // Places will be given out again, so the log goes on in a new epoch.
        loaded.meta.epochs.push(loaded.tail.last + 1);
        store_meta(&engine, &loaded.meta, dir)?;
        head.write(loaded.tail.last, loaded.tail.operations)
            .and_then(|()| head.sync())
            .map_err(|error| io_error("can't write HEAD in", dir, error))?;
    } else if lost == 0 && !loaded.is_stored {
        store_meta(&engine, &loaded.meta, dir)?;
    }
    let head_was_damaged = head.is_damaged();
    let mut shared = Shared::new(dir.to_owned(), engine, loaded.names, loaded.meta, head_was_damaged);
    if lost > 0 {
        let operations = mark.operations.saturating_sub(loaded.tail.operations);
        let after = shared.position(loaded.tail.last);
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
    start(shared, head, lock, loaded.tail, options)
}

fn start<E: Engine>(
    shared: Shared<E>,
    head: Head,
    lock: lock::Lock,
    tail: TailRow,
    options: &Options,
) -> Result<EmbeddedStore<E>> {
    let shared = Arc::new(shared);
    shared.tail.advance(shared.position(tail.last));
    let queue = Arc::new(Queue::default());
    let inbox = Inbox::at(&shared.dir);
    inbox.tidy();
    let committer = Committer {
        shared: Arc::clone(&shared),
        queue: Arc::clone(&queue),
        inbox: inbox.clone(),
        head,
        durability: options.durability,
        tail,
        counters: Counters::default(),
        unsynced: None,
        head_synced: Instant::now(),
        _lock: lock,
    };
    let thread = std::thread::Builder::new()
        .name("opledger-commit".to_owned())
        .spawn(move || committer.run())
        .map_err(|error| io_error("no thread for the store at", &shared.dir, error))?;
    Ok(EmbeddedStore { shared, queue, inbox, committer: Mutex::new(Some(thread)) })
}

/// What the engine holds beside the records.
pub(crate) struct Loaded {
    meta: MetaRow,
    is_stored: bool,
    pub(crate) tail: TailRow,
    pub(crate) names: Names,
    damaged: Vec<Damage>,
}

/// Reads what a store needs to begin.
pub(crate) fn load<E: Engine>(engine: &E) -> EngineResult<Loaded> {
    let (names, mut damaged) = Names::load(engine)?;
    let meta = match engine.get(keys::META)? {
        Some(bytes) => Some(codec::decode(keys::META, &bytes).map_err(|damage| EngineError::Corrupt(text(&damage)))?),
        None => None,
    };
    let tail = match engine.get(keys::TAIL)? {
        Some(bytes) => match codec::decode(keys::TAIL, &bytes) {
            Ok(tail) => tail,
            Err(damage) => {
                damaged.push(damage);
                recount(engine)?
            }
        },
        None => recount(engine)?,
    };
    let is_stored = meta.is_some();
    let meta = match meta {
        Some(meta) => meta,
        None => MetaRow {
            store_id: opledger::model::UnitId::random().map_err(|error| EngineError::Corrupt(error.to_string()))?.0,
            created: SystemClock.now(),
            epochs: vec![1],
        },
    };
    Ok(Loaded { meta, is_stored, tail, names, damaged })
}

/// The end of the log by the records themselves, where its own record is gone.
fn recount<E: Engine>(engine: &E) -> EngineResult<TailRow> {
    let mut tail = TailRow::default();
    let (from, to) = keys::kind(b'v');
    engine.range(&from, &to, true, &mut |key, _| {
        if let Some(place) = key.get(1..).and_then(|place| place.try_into().ok()) {
            tail.last = u64::from_be_bytes(place);
        }
        std::ops::ControlFlow::Break(())
    })?;
    let (from, to) = keys::kind(b'h');
    engine.range(&from, &to, false, &mut |_, _| {
        tail.operations += 1;
        std::ops::ControlFlow::Continue(())
    })?;
    Ok(tail)
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

fn remove(folder: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
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
            let message = format!("{}; the files as found are in {}", error.message(), first.display());
            Err(Error::new(ErrorKind::Corrupt, message))
        }
    }
}
