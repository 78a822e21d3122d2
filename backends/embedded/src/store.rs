//! The store: what callers hold. Reads run where they are asked for; changes go to the committer.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use futures_channel::oneshot;
use opledger::store::{
    Answer, Call, Key, Outcome, Page, Plan, Purged, Record, Reply as CallReply, Scan, Store, StoreInfo, Unit,
};
use opledger::{ErrorKind, Position, Result, Scope, Timestamp};

use crate::committer::{Seat, unpoisoned};
use crate::engine::Engine;
use crate::inbox::Inbox;
use crate::open::open;
use crate::options::Options;
use crate::queue::{Job, Reply};
use crate::reader::Reader;
use crate::shared::{Shared, closed};

/// A store in a folder, on the engine `E`. One process at a time has it open; others write to its [`Inbox`].
pub struct EmbeddedStore<E: Engine> {
    pub(crate) shared: Arc<Shared<E>>,
    pub(crate) seat: Arc<Seat<E>>,
    pub(crate) inbox: Inbox,
    pub(crate) thread: Mutex<Option<JoinHandle<()>>>,
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
        self.shared.read(|engine| read(&Reader::new(&self.shared, engine, scope)))
    }

    /// Hands a job over; the future waits for its answer.
    fn submit<T, J>(&self, job: J) -> impl Future<Output = Result<T>> + Send + use<T, J, E>
    where
        T: Send + 'static,
        J: FnOnce(Reply<T>) -> Job,
    {
        let (reply, answer) = oneshot::channel();
        let pushed = self.seat.queue.push(job(reply)).is_ok();
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
            id: self.shared.id(),
            engine: E::NAME,
            location: self.shared.dir.display().to_string(),
            persistent: true,
            loss: self.shared.loss,
        }
    }

    fn commit(&self, units: Vec<Unit>) -> impl Future<Output = Result<Vec<Outcome>>> + Send + use<E> {
        let now = self.seat.commit_at_once(units).map_err(|units| self.submit(|reply| Job::Commit(units, reply)));
        async move {
            match now {
                Ok(outcomes) => outcomes,
                Err(later) => later.await,
            }
        }
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
                Plan::Activity { at, window, .. } => Some(Answer::Activity(Box::new(reader.activity(*at, *window)?))),
                Plan::Integrity => Some(Answer::Integrity(reader.integrity()?)),
                Plan::Size => {
                    let size = reader.engine.size_on_disk().map_err(|error| self.shared.engine_failed(error))?;
                    Some(Answer::Size(size))
                }
                _ => None,
            })
        })
    }

    async fn call(&self, _: Scope, _: &Call) -> Result<Option<CallReply>> {
        self.shared.read(|_| Ok(None))
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
        let _closed_before = self.seat.queue.push(Job::Close(reply));
        if let Some(committer) = unpoisoned(self.thread.lock()).take()
            && committer.join().is_err()
        {
            tracing::error!("the committer panicked");
        }
    }
}
