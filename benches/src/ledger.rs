//! The ledgers side by side: start and complete one operation, by the calls that a user makes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use opledger::blocking::Tracker;
use opledger::{Clock, Store, SystemClock};
use opledger_memory::MemoryStore;
use opledger_sled::{Durability, Options, SledStore};

use crate::content;
use crate::sqlite::{Sqlite, Synchronous};

/// Where pairs go.
pub trait Ledger: Send + Sync {
    /// Starts and completes the `n`th operation: two acknowledged writes.
    fn pair(&self, n: u64);
    /// Finishes what is under way.
    fn close(self);
}

impl<S: Store> Ledger for Tracker<S> {
    fn pair(&self, n: u64) {
        let handle = self.start(content::new_operation(n)).unwrap();
        assert!(handle.finish(content::outcome(n), content::additions(n)).unwrap().is_recorded());
    }

    fn close(self) {
        Tracker::close(&self).unwrap();
    }
}

impl Ledger for Sqlite {
    fn pair(&self, n: u64) {
        let (unit, operation) = content::start(n, SystemClock.now());
        self.commit(&[unit]);
        self.commit(&[content::finish(n, &operation)]);
    }

    fn close(self) {
        Self::close(self);
    }
}

/// A tracker over a sled store in `dir`.
#[must_use]
pub fn sled(dir: &Path, durability: Durability) -> Tracker<SledStore> {
    Tracker::new(SledStore::open(dir, Options { durability, ..Options::default() }).unwrap())
}

/// A tracker over a store in memory.
#[must_use]
pub fn memory() -> Tracker<MemoryStore> {
    Tracker::new(MemoryStore::new())
}

/// What is synced before it is acknowledged, on both sides.
pub const DURABLE: (Durability, Synchronous) = (Durability::Immediate, Synchronous::Full);
/// What is synced later.
pub const BUFFERED: (Durability, Synchronous) = (Durability::Interval(Duration::from_secs(1)), Synchronous::Normal);

/// Lets `threads` writers make `each` pairs, and gives the time it took.
pub fn pairs(ledger: &impl Ledger, next: &AtomicU64, threads: usize, each: u64) -> Duration {
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| (0..each).for_each(|_| ledger.pair(next.fetch_add(1, Ordering::Relaxed))));
        }
    });
    began.elapsed()
}

/// Lets `threads` writers make pairs for so long, and gives how many they made in a second.
pub fn pairs_per_second(ledger: &impl Ledger, next: &Arc<AtomicU64>, threads: usize, so_long: Duration) -> f64 {
    let first = next.load(Ordering::Relaxed);
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while began.elapsed() < so_long {
                    ledger.pair(next.fetch_add(1, Ordering::Relaxed));
                }
            });
        }
    });
    #[allow(clippy::cast_precision_loss, reason = "no run makes 2^52 pairs")]
    let made = (next.load(Ordering::Relaxed) - first) as f64;
    made / began.elapsed().as_secs_f64()
}
