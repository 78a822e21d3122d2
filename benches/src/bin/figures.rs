//! The first figures, in one table and one run: `cargo run --release -p opledger-benches --bin figures [-- --million]`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench that can't go on has nothing better to do than to say where"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use opledger::{Clock, SystemClock, Timestamp};
use opledger_benches::ledger::{self, BUFFERED, DURABLE, Ledger};
use opledger_benches::sqlite::{Figures, Sqlite, Synchronous};
use opledger_benches::{fill, system};
use opledger_sled::Durability;

const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_millis(1500);
const LOOKS: usize = 100;

fn main() {
    let million = std::env::args().skip(1).any(|arg| arg == "--million");
    let dir = system::folder();
    println!("folder {}, load {}", dir.path().display(), system::load());
    println!("append 4 KiB and fdatasync: {}\n", time(system::sync_time(dir.path())));
    println!("{:<44} {:>14} {:>14} {:>9}", "", "opledger", "SQLite", "ratio");
    for threads in [1, 16] {
        pairs("durable", DURABLE, threads);
    }
    for threads in [1, 16] {
        pairs("buffered", BUFFERED, threads);
    }
    for threads in [1, 16] {
        memory(threads);
    }
    let mut sizes = vec![10_000, 100_000];
    if million {
        sizes.push(1_000_000);
    }
    for size in sizes {
        stored(size);
    }
    println!("\nload {} at the end; ratio: opledger / SQLite, for times and bytes less is better", system::load());
}

/// Pairs in a second: the medians of rounds that take turns, so that both sides meet the same machine.
fn pairs(mode: &str, (durability, synchronous): (Durability, Synchronous), threads: usize) {
    let (dirs, next) =
        ([system::folder(), system::folder()], [Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0))]);
    let sled = ledger::sled(dirs[0].path(), durability);
    let sqlite = Sqlite::open(dirs[1].path(), synchronous);
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        rates[0].push(ledger::pairs_per_second(&sled, &next[0], threads, ROUND));
        rates[1].push(ledger::pairs_per_second(&sqlite, &next[1], threads, ROUND));
    }
    Ledger::close(sled);
    sqlite.close();
    let [ours, theirs] = rates.map(middle);
    let writers = if threads == 1 { "1 writer".to_owned() } else { format!("{threads} writers") };
    row(&format!("pairs/s, {mode}, {writers}"), format!("{ours:.0}"), format!("{theirs:.0}"), ours / theirs);
    let [ours, theirs] = [0, 1].map(|side: usize| per(dirs[side].path(), next[side].load(Ordering::Relaxed)));
    row("  bytes on disk a pair, closed", format!("{ours:.0}"), format!("{theirs:.0}"), ours / theirs);
}

fn memory(threads: usize) {
    let next = Arc::new(AtomicU64::new(0));
    let ledger = ledger::memory();
    let rate = ledger::pairs_per_second(&ledger, &next, threads, ROUND);
    println!("{:<44} {rate:>14.0}", format!("pairs/s, memory, {threads} writer(s)"));
}

/// What a store of a size costs: its filling, its bytes, its opening and its dashboard.
fn stored(size: u64) {
    let (ours, theirs) = (system::folder(), system::folder());
    let now = SystemClock.now();
    let label = |what: &str| format!("{what}, {size} stored");

    let sled = ledger::sled(ours.path(), BUFFERED.0);
    let (_, sled_fill) = timed(|| fill::store(sled.inner().store(), size, now));
    Ledger::close(sled);
    let sqlite = Sqlite::open(theirs.path(), BUFFERED.1);
    let (_, sqlite_fill) = timed(|| fill::sqlite(&sqlite, size, now));
    sqlite.close();
    times(&label("fill, 512 pairs a batch"), sled_fill, sqlite_fill);
    let bytes = [per(ours.path(), size), per(theirs.path(), size)];
    row(&label("bytes on disk a pair"), format!("{:.0}", bytes[0]), format!("{:.0}", bytes[1]), bytes[0] / bytes[1]);

    let (sled, sled_open) = timed(|| ledger::sled(ours.path(), BUFFERED.0));
    let (sqlite, sqlite_open) = timed(|| Sqlite::open(theirs.path(), BUFFERED.1));
    times(&label("open"), sled_open, sqlite_open);
    let (_, sled_first) = timed(|| sled.enterprise_dashboard().unwrap());
    let (_, sqlite_first) = timed(|| sqlite.figures(SystemClock.now()));
    times(&label("first dashboard"), sled_first, sqlite_first);
    let sled_look = system::median(LOOKS, || drop(sled.enterprise_dashboard().unwrap()));
    let sqlite_look = system::median(LOOKS, || {
        std::hint::black_box(sqlite.figures(SystemClock.now()));
    });
    times(&label("dashboard"), sled_look, sqlite_look);
    assert!(agree(&sled, &sqlite, now), "the two dashboards do not show the same");
    Ledger::close(sled);
    sqlite.close();

    if size == 10_000 {
        let memory = ledger::memory();
        fill::store(memory.inner().store(), size, now);
        let look = system::median(LOOKS, || drop(memory.enterprise_dashboard().unwrap()));
        println!("{:<44} {:>14}", label("dashboard in memory"), time(look));
    }
}

/// Whether both sides count the same.
fn agree<S: opledger::Store>(tracker: &opledger::blocking::Tracker<S>, sqlite: &Sqlite, at: Timestamp) -> bool {
    let activity = pollster::block_on(tracker.inner().activity(at)).unwrap();
    let last = opledger::report::Tally::total(activity.last.values());
    let Figures { operations, completed, failed, running, stale, total, .. } = sqlite.figures(at);
    (last.operations, last.completed, last.failed, activity.running, activity.stale, activity.total)
        == (operations.into(), completed.into(), failed.into(), running.into(), stale.into(), total.into())
}

fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let value = run();
    (value, began.elapsed())
}

fn middle(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}

#[allow(clippy::cast_precision_loss, reason = "no store here has 2^52 bytes")]
fn per(dir: &Path, pairs: u64) -> f64 {
    system::bytes_on_disk(dir) as f64 / pairs.max(1) as f64
}

fn times(label: &str, ours: Duration, theirs: Duration) {
    row(label, time(ours), time(theirs), ours.as_secs_f64() / theirs.as_secs_f64());
}

fn row(label: &str, ours: String, theirs: String, ratio: f64) {
    println!("{label:<44} {ours:>14} {theirs:>14} {ratio:>9.2}");
}

fn time(duration: Duration) -> String {
    match duration.as_micros() {
        0..10_000 => format!("{} µs", duration.as_micros()),
        10_000..10_000_000 => format!("{} ms", duration.as_millis()),
        _ => format!("{:.1} s", duration.as_secs_f64()),
    }
}
