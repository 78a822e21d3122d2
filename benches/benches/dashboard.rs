//! The dashboard of the last 24 hours over 10 thousand, 100 thousand and (`OPLEDGER_BENCH_MILLION=1`) a million operations.

use std::time::Duration;

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use opledger::{Clock, SystemClock};
use opledger_benches::ledger::{self, BUFFERED, Ledger};
use opledger_benches::sqlite::Sqlite;
use opledger_benches::{fill, system};

fn dashboard(criterion: &mut Criterion) {
    let mut sizes = vec![10_000, 100_000];
    if std::env::var_os("OPLEDGER_BENCH_MILLION").is_some_and(|set| set == "1") {
        sizes.push(1_000_000);
    }
    let mut group = criterion.benchmark_group("dashboard");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    for size in sizes {
        let dir = system::folder();
        let now = SystemClock.now();
        let sled = ledger::sled(dir.path(), BUFFERED.0);
        fill::store(sled.inner().store(), size, now);
        group.bench_function(format!("sled/{size}"), |bencher| bencher.iter(|| sled.enterprise_dashboard()));
        Ledger::close(sled);
        let sqlite = Sqlite::open(dir.path(), BUFFERED.1);
        fill::sqlite(&sqlite, size, now);
        group.bench_function(format!("sqlite/{size}"), |bencher| bencher.iter(|| sqlite.figures(SystemClock.now())));
        sqlite.close();
        // A store in memory keeps no counters: it reads the window.
        if size == 10_000 {
            let memory = ledger::memory();
            fill::store(memory.inner().store(), size, now);
            group.bench_function(format!("memory/{size}"), |bencher| bencher.iter(|| memory.enterprise_dashboard()));
        }
    }
    group.finish();
}

criterion_group!(benches, dashboard);
criterion_main!(benches);
