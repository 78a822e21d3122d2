//! Start and complete, one pair after another: sled beside SQLite, durable and buffered, and memory; 1 and 16 writers.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use opledger_benches::ledger::{self, BUFFERED, DURABLE, Ledger};
use opledger_benches::sqlite::Sqlite;
use opledger_benches::system;

fn measure(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, threads: usize, ledger: impl Ledger) {
    let next = AtomicU64::new(0);
    group.throughput(Throughput::Elements(threads as u64));
    group.bench_function(format!("{name}/{threads}"), |bencher| {
        bencher.iter_custom(|each| ledger::pairs(&ledger, &next, threads, each));
    });
    ledger.close();
}

fn pairs(criterion: &mut Criterion) {
    for (mode, (durability, synchronous)) in [("durable", DURABLE), ("buffered", BUFFERED)] {
        let mut group = criterion.benchmark_group(format!("pairs/{mode}"));
        lean(&mut group);
        for threads in [1, 16] {
            let dir = system::folder();
            measure(&mut group, "sled", threads, ledger::sled(dir.path(), durability));
            measure(&mut group, "sqlite", threads, Sqlite::open(dir.path(), synchronous));
        }
        group.finish();
    }
    let mut group = criterion.benchmark_group("pairs/memory");
    lean(&mut group);
    for threads in [1, 16] {
        measure(&mut group, "memory", threads, ledger::memory());
    }
    group.finish();
}

fn lean(group: &mut BenchmarkGroup<'_, WallTime>) {
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
}

criterion_group!(benches, pairs);
criterion_main!(benches);
