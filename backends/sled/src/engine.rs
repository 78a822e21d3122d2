//! [`SledEngine`]: sled 0.34.7 behind the layout's engine contract.
//!
//! What this adds to sled:
//! - **Durability.** sled's flush hands pages to the disk without its barrier; [`Engine::sync`] adds `fdatasync`.
//!   sled writes a page of more than 128 KiB (16 neighbouring values of 8 KiB and more) to a file of its own in
//!   `blobs/`; `sync` makes these durable too.
//! - **Bounds.** Each batch queues two disk writes inside sled, without limit. `apply` waits for the queue each
//!   [`BATCHES`] batches or [`BYTES`] bytes. What sled has done with, each thread keeps until it has 64 of it, buffers of half a
//!   megabyte too: they are let go after each batch and flush. sled sets up 21 MB of histograms that it was built not to use; its feature
//!   `miri_optimizations`, which does nothing else in a release, has them zeroed by the system, which takes no memory.
//! - **Packs.** sled pays for each entry, so index entries are kept several to one, and a scan tells sled to let pages go: see
//!   the module `packed`.
//! - **No panic, no hang.** A panic inside sled is caught and becomes an error; the handle then refuses writes until it
//!   is opened anew. After a failed disk write sled may leave its callers waiting: a helper thread wakes them.
//! - **Closing.** sled writes its snapshot on opening only, and reads all that came after it when it opens next. What a
//!   session of over [`SNAPSHOT`] bytes wrote is read when it is closed, so that opening is quick.
//! - **Opening.** A damaged `conf` or snapshot is rebuilt; what opening may discard is kept first (see
//!   [`crate::preserve`]). [`SledEngine::found`] tells what was wrong.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use opledger_embedded::disk;
use opledger_embedded::engine::{Batch, Engine, EngineError, EngineResult, Visit};
use opledger_embedded::guard::Doubt;

use crate::guard::{self, POOL, guarded};
use crate::{packed, preserve};

/// Batches applied between two waits for sled's disk queue.
pub const BATCHES: usize = 32;
/// Bytes of keys and values applied between two waits for sled's disk queue.
pub const BYTES: usize = 512 * 1024;

/// Bytes of keys and values written by one session after which its close has sled write a snapshot: sled's log has three
/// to five times as many, and reading 100 MB of it takes a tenth of a second.
pub const SNAPSHOT: u64 = 16 * 1024 * 1024;

/// sled takes about twice this, and about 50 MB for a million entries besides.
const CACHE: u64 = 3 * 1024 * 1024;
const TICK: Duration = Duration::from_millis(100);
/// How long a flush may go on after one of sled's threads died; it may wait for what that thread was to write.
const GRACE: Duration = Duration::from_secs(5);
/// How long closing waits for sled's threads to let go of the files.
const RELEASE: Duration = Duration::from_secs(30);

enum Work {
    /// Something was applied: look after it.
    Watch,
    Flush(Sender<EngineResult<()>>),
    Stop,
}

#[derive(Debug, Default)]
struct Queue {
    batches: usize,
    bytes: usize,
    /// Bytes of keys and values since it was opened.
    written: u64,
    blobs: HashSet<OsString>,
}

/// An ordered map in a folder, kept by sled 0.34.7.
#[derive(Debug)]
pub struct SledEngine {
    db: Option<sled::Db>,
    file: File,
    dir: PathBuf,
    queue: Mutex<Queue>,
    helper: Sender<Work>,
    helper_thread: Option<thread::JoinHandle<()>>,
    watched: AtomicBool,
    doubt: Doubt,
    pool_panics: usize,
    found: Vec<String>,
}

impl SledEngine {
    fn start(db: sled::Db, dir: &Path, found: Vec<String>) -> EngineResult<Self> {
        let file = File::open(dir.join("db"))?;
        let mut blobs = HashSet::new();
        for blob in fs::read_dir(dir.join("blobs"))? {
            blobs.insert(blob?.file_name()); // those found are synced below, once
        }
        for name in &blobs {
            File::open(dir.join("blobs").join(name))?.sync_data()?;
        }
        disk::sync_folder(&dir.join("blobs"))?;
        for name in preserve::side_files(dir)? {
            if name.as_os_str() == "conf" {
                File::open(dir.join(name))?.sync_all()?;
            }
        }
        let (helper, work) = mpsc::channel();
        let own = db.clone();
        let helper_thread = thread::Builder::new().name("opledger-sled".to_owned()).spawn(move || help(&own, &work))?;
        let engine = Self {
            db: Some(db),
            file,
            dir: dir.to_owned(),
            queue: Mutex::new(Queue { blobs, ..Queue::default() }),
            helper,
            helper_thread: Some(helper_thread),
            watched: AtomicBool::new(false),
            doubt: Doubt::default(),
            pool_panics: POOL.panics(),
            found,
        };
        // sled writes a new store's first pages, and after recovery a snapshot, without a barrier.
        engine.sync()?;
        disk::sync_folder(dir)?;
        Ok(engine)
    }

    fn db(&self) -> EngineResult<&sled::Db> {
        self.db.as_ref().ok_or_else(|| EngineError::Corrupt("closed".to_owned()))
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trusted(&self) -> EngineResult<()> {
        if POOL.panics() != self.pool_panics {
            return self.doubt.note(Err(EngineError::Corrupt("a sled thread has panicked".to_owned())));
        }
        self.doubt.trusted(Self::NAME)
    }

    /// Waits until sled has written all that was applied. The flush runs in the helper thread, so that a wait that
    /// would never end can be given up.
    fn flush(&self) -> EngineResult<()> {
        let db = self.db()?;
        let gone = || EngineError::Corrupt("sled's helper thread is gone".to_owned());
        let (reply, answer) = mpsc::channel();
        self.helper.send(Work::Flush(reply)).map_err(|_| gone())?;
        let mut died: Option<Instant> = None;
        loop {
            match answer.recv_timeout(TICK) {
                Ok(result) => return result,
                Err(RecvTimeoutError::Disconnected) => return Err(gone()),
                Err(RecvTimeoutError::Timeout) => {
                    wake(db);
                    if POOL.panics() != self.pool_panics {
                        let since = *died.get_or_insert_with(Instant::now);
                        if since.elapsed() > GRACE {
                            return Err(EngineError::Corrupt("a sled thread died while writing".to_owned()));
                        }
                    }
                }
            }
        }
    }

    fn sync_blobs(&self, queue: &mut Queue) -> EngineResult<()> {
        let folder = self.dir.join("blobs");
        let mut there = HashSet::new();
        let mut fresh = false;
        for blob in fs::read_dir(&folder)? {
            let name = blob?.file_name();
            if !queue.blobs.contains(&name) {
                match File::open(folder.join(&name)) {
                    Ok(file) => file.sync_data()?,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error.into()),
                }
                fresh = true;
            }
            there.insert(name);
        }
        if fresh {
            disk::sync_folder(&folder)?;
        }
        queue.blobs = there;
        Ok(())
    }

    /// Opens the store once more, which makes sled write a snapshot, and closes it.
    fn write_snapshot(dir: &Path) -> EngineResult<()> {
        if !crate::open::is_whole(dir)? {
            return Ok(()); // for the next opening, which keeps first what sled may discard, and tells
        }
        let mut engine = Self::start(start_sled(dir)?, dir, Vec::new())?;
        if engine.release() { lock(dir, RELEASE).map(drop) } else { Ok(()) }
    }

    /// Stops the helper and lets go of sled; true when that ended in time.
    fn release(&mut self) -> bool {
        let Some(db) = self.db.take() else { return true };
        let _ = self.helper.send(Work::Stop);
        let helper = self.helper_thread.take();
        // sled's own drop flushes, and may wait for a thread that died: not here.
        let (done, wait) = mpsc::channel();
        let dropper = thread::Builder::new().name("opledger-sled-close".to_owned()).spawn(move || {
            if let Some(helper) = helper {
                let _ = helper.join();
            }
            let _ = guarded(|| {
                drop(db);
                Ok(())
            });
            let _ = done.send(());
        });
        let broken = POOL.panics() != self.pool_panics;
        dropper.is_ok() && wait.recv_timeout(if broken { GRACE } else { RELEASE }).is_ok()
    }
}

impl Drop for SledEngine {
    fn drop(&mut self) {
        if !self.release() {
            tracing::error!(dir = %self.dir.display(), "sled did not close; its files stay locked in this process");
        }
    }
}

impl Engine for SledEngine {
    const NAME: &'static str = "sled";

    fn open(dir: &Path, aside: &Path) -> EngineResult<Self> {
        POOL.watch();
        guard::pool_alive()?;
        let (db, found) = crate::open::open(dir, aside, || start_sled(dir))?;
        Self::start(db, dir, found)
    }

    fn found(&self) -> &[String] {
        &self.found
    }

    fn get(&self, key: &[u8]) -> EngineResult<Option<Vec<u8>>> {
        packed::get(self.db()?, key)
    }

    fn range(&self, from: &[u8], to: &[u8], reverse: bool, visit: &mut Visit<'_>) -> EngineResult<()> {
        packed::range(self.db()?, from, to, reverse, visit)
    }

    fn apply(&self, batch: Batch) -> EngineResult<()> {
        self.trusted()?;
        let db = self.db()?;
        let (writes, bytes) = packed::batch(db, batch)?;
        if !self.watched.swap(true, Ordering::AcqRel) {
            let _ = self.helper.send(Work::Watch);
        }
        self.doubt.note(guarded(|| db.apply_batch(writes).map(|()| let_go())))?;
        let full = {
            let mut queue = self.queue();
            queue.batches += 1;
            queue.bytes += bytes;
            queue.written = queue.written.saturating_add(bytes as u64);
            let full = queue.batches >= BATCHES || queue.bytes >= BYTES;
            if full {
                (queue.batches, queue.bytes) = (0, 0);
            }
            full
        };
        if full { self.doubt.note(self.flush()) } else { Ok(()) }
    }

    fn sync(&self) -> EngineResult<()> {
        self.trusted()?;
        self.doubt.note(self.flush())?;
        self.watched.store(false, Ordering::Release);
        let mut queue = self.queue();
        (queue.batches, queue.bytes) = (0, 0);
        self.doubt.note(self.sync_blobs(&mut queue))?;
        self.doubt.note(self.file.sync_data().map_err(EngineError::from))?;
        self.trusted()
    }

    fn apply_synced(&self, batch: Batch) -> EngineResult<()> {
        self.apply(batch)?;
        self.sync()
    }

    fn size_on_disk(&self) -> EngineResult<u64> {
        Ok(disk::size_of(&self.dir)?)
    }

    /// Nothing: sled writes what moves into the segments that became free, and its file stays as long as it was.
    fn give_back(&mut self) -> EngineResult<()> {
        Ok(())
    }

    fn close(mut self) -> EngineResult<()> {
        let last = self.sync();
        let dir = self.dir.clone();
        let written = self.queue().written;
        if !self.release() {
            let text = "sled did not close; its files stay locked in this process";
            return last.and(Err(EngineError::Io(io::Error::new(io::ErrorKind::TimedOut, text))));
        }
        drop(self);
        // A pool thread may still hold the file for a moment.
        last.and(lock(&dir, RELEASE).map(drop))?;
        if written >= SNAPSHOT
            && let Err(error) = Self::write_snapshot(&dir)
        {
            // All is stored; only the next opening takes longer.
            tracing::warn!(dir = %dir.display(), %error, "sled's snapshot could not be written");
        }
        Ok(())
    }
}

fn start_sled(dir: &Path) -> EngineResult<sled::Db> {
    // A child that this process is about to start holds a copy of every lock until it has become another program.
    let until = Instant::now() + RELEASE;
    loop {
        let started = guarded(|| {
            let config = sled::Config::new().path(dir).cache_capacity(CACHE).flush_every_ms(None);
            config.mode(sled::Mode::HighThroughput).open()
        });
        match started {
            Err(EngineError::Io(error)) if error.kind() == io::ErrorKind::WouldBlock && Instant::now() < until => {
                thread::sleep(Duration::from_millis(1));
            }
            started => return started,
        }
    }
}

/// Takes sled's lock on the store, waiting `at_most` for who holds it; given back when the file is dropped. `None` when
/// there is no store yet.
pub(crate) fn lock(dir: &Path, at_most: Duration) -> EngineResult<Option<File>> {
    let file = match File::open(dir.join("db")) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    disk::lock(&file, at_most)?;
    Ok(Some(file))
}

/// Wakes whoever waits inside sled for a write that has failed: sled 0.34 forgets to, for a batch's first message.
fn wake(db: &sled::Db) {
    let _ = guarded(|| if db.context.global_error().is_err() { db.flush().map(drop) } else { Ok(()) });
}

/// Frees what sled has left for this thread to free: each flush leaves a buffer of half a megabyte, and 64 of them would come
/// together. Two epochs must pass before they go.
fn let_go() {
    (0..3).for_each(|_| crossbeam_epoch::pin().flush());
}

fn help(db: &sled::Db, work: &Receiver<Work>) {
    let mut watching = false;
    loop {
        let next =
            if watching { work.recv_timeout(TICK) } else { work.recv().map_err(|_| RecvTimeoutError::Disconnected) };
        match next {
            Ok(Work::Watch) => watching = true,
            Ok(Work::Flush(reply)) => {
                let result = guarded(|| db.flush().map(|_bytes| let_go()));
                watching = false;
                let _ = reply.send(result);
            }
            Ok(Work::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => wake(db),
        }
    }
}
