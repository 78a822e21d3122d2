//! One measurement: a ledger is opened, put to work, closed, and recounted.

mod sync;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use opledger::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::failure::io;
use crate::ledger::{Ledger, Reader, now};
use crate::recount::Expected;
use crate::subject::{OpenStore, Subject};
use crate::workload::Workload;
use crate::{fill, statistics, system};

/// Rows of a history.
const ROWS: usize = 100;
/// Rows of the history that is read between writes.
const RECENT: usize = 20;
/// Reads that are timed, at most, and for how long, at most.
const LOOKS: usize = 200;
const LOOKING: Duration = Duration::from_secs(1);
/// Days kept by a cleanup: nine tenths go.
const KEPT: u32 = fill::DAYS / 10;

/// What is to be measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// On what.
    pub subject: Subject,
    /// Doing what.
    pub workload: Workload,
    /// With how many operations.
    pub operations: u64,
    /// How many threads write.
    pub writers: usize,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The figure, in the unit of the workload.
    pub figure: f64,
    /// Bytes on disk for each operation that was written, when the ledger is closed; after a cleanup too. None in memory
    /// and on a server.
    pub bytes_an_operation: Option<f64>,
    /// The most memory that the process had, in bytes, before it counted again.
    pub peak_memory: Option<u64>,
    /// What the recount found wrong; none where all that was given is there, once.
    pub wrong: Option<String>,
}

impl Round {
    /// Measures in the folder `dir`, which is new, or has what an earlier round of a reading workload stored.
    ///
    /// # Errors
    /// Gives what the store or the engine says. What is stored wrongly is no error: see [`Measured::wrong`].
    pub fn measure(&self, dir: &Path, open: &OpenStore<'_>) -> Result<Measured> {
        if self.workload == Workload::Sync {
            return self.sync(dir, open);
        }
        let open = || self.subject.open(dir, self.workload.is_durable(), open);
        let mut expected = Expected { count: self.operations, filled: self.workload.is_stored(), removed: 0 };
        let persistent = self.subject.is_persistent();
        if self.workload.is_stored() && persistent && is_empty(dir)? {
            let ledger = open()?;
            fill::fill(&*ledger, self.operations, now())?;
            ledger.close()?;
        }
        let began = Instant::now();
        let ledger = open()?;
        if self.workload.is_stored() && !persistent {
            fill::fill(&*ledger, self.operations, now())?;
        }
        let (figure, open_still) = match self.workload {
            Workload::Reopen => {
                reader(&*ledger)?.dashboard()?;
                (began.elapsed().as_secs_f64() * 1e3, Some(ledger))
            }
            Workload::History => (median(|| reader(&*ledger)?.history(ROWS).map(drop))?, Some(ledger)),
            Workload::Dashboard => (median(|| reader(&*ledger)?.dashboard())?, Some(ledger)),
            Workload::Cleanup => {
                let began = Instant::now();
                expected.removed = reader(&*ledger)?.cleanup(KEPT)?;
                let (taken, ledger) = self.drain(ledger, began)?;
                (rate(expected.removed, taken), ledger)
            }
            _ => {
                let warm = self.operations / 10;
                expected.count += warm;
                let next = AtomicU64::new(0);
                self.pairs(&*ledger, &next, warm)?;
                let began = Instant::now();
                self.pairs(&*ledger, &next, expected.count)?;
                let (taken, ledger) = self.drain(ledger, began)?;
                (rate(self.operations, taken), ledger)
            }
        };
        // The recount takes memory of its own.
        let peak_memory = system::peak_memory();
        let (ledger, bytes) = self.settle(open_still, dir, &open)?;
        let wrong = expected.compare(&*ledger)?;
        ledger.close()?;
        Ok(Measured { figure, bytes_an_operation: bytes.map(|bytes| per(bytes, expected.count)), peak_memory, wrong })
    }

    /// Makes operations up to number `end`.
    fn pairs(&self, ledger: &dyn Ledger, next: &AtomicU64, end: u64) -> Result<()> {
        let failed = Mutex::new(None);
        let write = || {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= end || failed.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
                    return;
                }
                if let Err(error) = self.pair(ledger, n) {
                    failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                }
            }
        };
        thread::scope(|scope| {
            for _ in 0..self.writers.max(1) {
                scope.spawn(write);
            }
        });
        next.store(end, Ordering::Relaxed);
        failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    fn pair(&self, ledger: &dyn Ledger, n: u64) -> Result<()> {
        let key = ledger.pair(n)?;
        if self.workload == Workload::Mixed {
            let reader = reader(ledger)?;
            if !reader.look_up(key)?.is_some_and(|status| status.is_finished()) {
                return Err(Error::new(ErrorKind::Corrupt, "an operation that has ended does not read so").on(key));
            }
            if n % 10 == 9 && reader.history(RECENT)? == 0 {
                return Err(Error::new(ErrorKind::Corrupt, "the history is empty after an operation"));
            }
        }
        Ok(())
    }

    /// The time up to when all is written: with closing, where the ledger outlives that.
    fn drain(&self, ledger: Box<dyn Ledger>, began: Instant) -> Result<(Duration, Option<Box<dyn Ledger>>)> {
        if self.subject.is_persistent() {
            ledger.close()?;
            return Ok((began.elapsed(), None));
        }
        Ok((began.elapsed(), Some(ledger)))
    }

    /// The ledger as it is after it was closed, and the bytes that it takes then.
    fn settle(
        &self,
        still: Option<Box<dyn Ledger>>,
        dir: &Path,
        open: &dyn Fn() -> Result<Box<dyn Ledger>>,
    ) -> Result<(Box<dyn Ledger>, Option<u64>)> {
        match still {
            Some(ledger) if !self.subject.is_persistent() => Ok((ledger, None)),
            still => {
                still.map_or(Ok(()), Ledger::close)?;
                let bytes = self.bytes(dir)?;
                Ok((open()?, bytes))
            }
        }
    }
}

impl Round {
    fn bytes(&self, dir: &Path) -> Result<Option<u64>> {
        let bytes = self.subject.has_files().then(|| system::bytes_on_disk(dir).map_err(io("measure", dir)));
        bytes.transpose()
    }
}

fn reader(ledger: &dyn Ledger) -> Result<&dyn Reader> {
    ledger.reader().ok_or_else(|| Error::new(ErrorKind::InvalidValue, "this ledger has nothing to read by"))
}

fn is_empty(dir: &Path) -> Result<bool> {
    match std::fs::read_dir(dir) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(io("read", dir)(error)),
    }
}

/// The median time of reads, after one that is not timed, in microseconds.
fn median(mut read: impl FnMut() -> Result<()>) -> Result<f64> {
    read()?;
    let (began, mut taken) = (Instant::now(), Vec::with_capacity(LOOKS));
    while taken.len() < LOOKS && (taken.is_empty() || began.elapsed() < LOOKING) {
        let began = Instant::now();
        read()?;
        taken.push(began.elapsed().as_secs_f64() * 1e6);
    }
    Ok(statistics::median(&taken).unwrap_or_default())
}

#[allow(clippy::cast_precision_loss, reason = "no round has 2^52 operations or bytes")]
fn rate(operations: u64, taken: Duration) -> f64 {
    operations as f64 / taken.as_secs_f64().max(1e-9)
}

#[allow(clippy::cast_precision_loss, reason = "no round has 2^52 operations or bytes")]
fn per(bytes: u64, operations: u64) -> f64 {
    bytes as f64 / operations.max(1) as f64
}
