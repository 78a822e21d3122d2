//! The log: every version, in an order that a reader can resume from.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use opledger::store::Entry;
use opledger::{Hash, Position, Status, Store, Tracker};
use pollster::block_on;

use super::chain::says;
use crate::bench::{begin, run};
use crate::{Bench, Factory};

async fn read<S: Store>(tracker: &Tracker<S>, after: Position, limit: usize) -> Vec<Entry> {
    let mut reader = tracker.log_after(after);
    let mut all = Vec::new();
    loop {
        let batch = reader.next(limit).await.unwrap();
        assert!(batch.damaged.is_empty(), "{:?}", batch.damaged);
        if batch.entries.is_empty() {
            return all;
        }
        assert!(batch.entries.len() <= limit);
        assert!(batch.entries.iter().all(|entry| entry.version.position <= reader.position()));
        all.extend(batch.entries);
    }
}

pub(super) async fn is_in_order<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let (a, mut b) = (begin(tracker, "A").await, begin(tracker, "B").await);
    let (a_hk, b_hk) = (a.hash_key(), b.hash_key());
    b.annotate(says("phase", "a")).await.unwrap();
    a.complete().await.unwrap();
    let c_hk = run(&bench.tenant("other"), &bench.clock, "C", true, 1).await;
    b.complete().await.unwrap();
    let entries = read(&tracker.for_all(), Position::START, 100).await;
    let order: Vec<Hash> = entries.iter().map(|entry| entry.version.script_execution_hk).collect();
    assert_eq!(order, [a_hk, b_hk, b_hk, a_hk, c_hk, c_hk, b_hk]);
    assert!(entries.windows(2).all(|pair| pair[0].version.position < pair[1].version.position));
    assert!(entries[0].version.position > Position::START);
}

pub(super) async fn resumes_anywhere<F: Factory>(bench: &mut Bench<F>) {
    let other = bench.tenant("other");
    for n in 0..12 {
        let tracker = if n % 3 == 0 { &other } else { bench.tracker() };
        run(tracker, &bench.clock, "A", true, n).await;
    }
    bench.reopen().await;
    for tracker in [bench.tracker().clone(), bench.tenant("other"), bench.tracker().for_all()] {
        let all = read(&tracker, Position::START, 1000).await;
        for limit in [1, 2, 7] {
            assert_eq!(read(&tracker, Position::START, limit).await, all, "{limit} at a time");
        }
        for (n, entry) in all.iter().enumerate() {
            assert_eq!(read(&tracker, entry.version.position, 5).await, all[n + 1..], "after entry {n}");
        }
    }
    assert_eq!(read(bench.tracker(), Position::new(u64::MAX, u64::MAX, u64::MAX), 5).await, []);
}

pub(super) async fn entries_are_as_appended<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let hk = run(tracker, &bench.clock, "A", true, 1).await;
    let entries = read(tracker, Position::START, 10).await;
    assert!(entries.iter().all(|entry| entry.version.load_end_date.is_none()));
    let statuses: Vec<_> = entries.iter().map(|entry| entry.version.attributes.execution_status).collect();
    assert_eq!(statuses, [Status::Running, Status::Completed]);
    let hub = tracker.operation(hk).await.unwrap().map(|operation| operation.hub);
    assert!(entries.iter().all(|entry| entry.hub == hub));
}

pub(super) async fn misses_nothing_under_writers<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker().for_all();
    let writing = AtomicBool::new(true);
    let (written, seen) = std::thread::scope(|threads| {
        let reader = threads.spawn(|| {
            let mut reader = tracker.log_after(Position::START);
            let mut seen = Vec::new();
            loop {
                // Asked before the read: what was written by then must be read.
                let last = !writing.load(Ordering::SeqCst);
                let batch = block_on(reader.next(16)).unwrap();
                let positions = batch.entries.iter().map(|entry| entry.version.position);
                seen.extend(positions);
                if batch.entries.is_empty() {
                    if last {
                        return seen;
                    }
                    block_on(reader.wait(Duration::from_millis(20))).unwrap();
                }
            }
        });
        let writers: Vec<_> = (0..4)
            .map(|n| {
                let (tracker, clock) = (bench.tenant(if n % 2 == 0 { "even" } else { "odd" }), bench.clock.clone());
                threads
                    .spawn(move || (0..25).map(|_| block_on(run(&tracker, &clock, "A", true, 1))).collect::<Vec<_>>())
            })
            .collect();
        let written: Vec<Hash> = writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect();
        writing.store(false, Ordering::SeqCst);
        (written, reader.join().unwrap())
    });
    assert!(seen.is_sorted_by(|a, b| a < b), "positions went back");
    assert_eq!(seen.len(), 2 * written.len(), "versions were missed");
    let mut stored = BTreeSet::new();
    for hk in written {
        stored.extend(tracker.versions(hk).await.unwrap().rows.into_iter().map(|version| version.position));
    }
    assert_eq!(stored.into_iter().collect::<Vec<_>>(), seen);
}

pub(super) async fn wait_wakes<F: Factory>(bench: &mut Bench<F>) {
    let (tracker, clock) = (bench.tracker().clone(), bench.clock.clone());
    run(&tracker, &clock, "A", true, 1).await;
    let mut reader = tracker.log_after(Position::START);
    assert!(reader.wait(Duration::ZERO).await.unwrap(), "there is something already");
    while !reader.next(100).await.unwrap().entries.is_empty() {}
    std::thread::scope(|threads| {
        let waiting = threads.spawn(|| {
            let began = Instant::now();
            let woken = block_on(reader.wait(Duration::from_secs(30))).unwrap();
            (woken, began.elapsed())
        });
        std::thread::sleep(Duration::from_millis(50));
        block_on(run(&tracker, &clock, "A", true, 1));
        let (woken, waited) = waiting.join().unwrap();
        assert!(woken);
        assert!(waited < Duration::from_secs(20), "it woke after {waited:?}");
    });
}

pub(super) async fn wait_ends_in_time<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let reader = tracker.log_after(Position::START);
    let began = Instant::now();
    assert!(!reader.wait(Duration::from_millis(100)).await.unwrap());
    let waited = began.elapsed();
    assert!(waited >= Duration::from_millis(90) && waited < Duration::from_secs(10), "it waited {waited:?}");
    run(tracker, &bench.clock, "A", true, 1).await;
    let last = tracker.store().wait(Position::START, Duration::ZERO).await.unwrap();
    assert_eq!(tracker.store().wait(last, Duration::from_millis(1)).await.unwrap(), last);
}
