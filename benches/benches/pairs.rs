//! Start and complete, one pair after another, on each engine and each baseline; 1 and 16 writers. The same as
//! `opledger bench`, at small scale and with criterion's statistics.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench that can't go on says where by panicking")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use opledger_bench::ledger::Ledger;
use opledger_bench::subject::open_embedded;
use opledger_bench::system;
use opledger_bench::workload::Workload;
use opledger_benches::subjects;

/// The time in which `writers` make `each` pairs.
fn pairs(ledger: &dyn Ledger, next: &AtomicU64, writers: usize, each: u64) -> Duration {
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..writers {
            scope.spawn(|| {
                for _ in 0..each {
                    ledger.pair(next.fetch_add(1, Ordering::Relaxed)).unwrap();
                }
            });
        }
    });
    began.elapsed()
}

fn bench(criterion: &mut Criterion) {
    for workload in [Workload::Buffered, Workload::BufferedWriters, Workload::Durable, Workload::DurableWriters] {
        let durable = matches!(workload, Workload::Durable | Workload::DurableWriters);
        let writers = workload.writers(16);
        let mut group = criterion.benchmark_group(workload.name());
        group.sample_size(10).sampling_mode(SamplingMode::Flat);
        group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
        group.throughput(Throughput::Elements(writers as u64));
        for subject in subjects().into_iter().filter(|subject| subject.takes(workload)) {
            let dir = system::folder().unwrap();
            let ledger = subject.open(dir.path(), durable, &open_embedded).unwrap();
            let next = AtomicU64::new(0);
            group.bench_function(subject.name(), |bencher| {
                bencher.iter_custom(|each| pairs(&*ledger, &next, writers, each));
            });
            ledger.close().unwrap();
        }
        group.finish();
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
