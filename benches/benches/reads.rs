//! Dashboard, history and look-up over a stored month of operations, on each engine and each baseline that can be read:
//! 10,000 of them, or as many as `OPLEDGER_BENCH_STORED` says.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench that can't go on says where by panicking")]

use std::time::Duration;

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use opledger_bench::ledger::now;
use opledger_bench::subject::open_embedded;
use opledger_bench::workload::Workload;
use opledger_bench::{fill, system};
use opledger_benches::subjects;

fn stored() -> u64 {
    std::env::var("OPLEDGER_BENCH_STORED").ok().and_then(|count| count.parse().ok()).unwrap_or(10_000)
}

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(format!("reads/{}", stored()));
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for subject in subjects().into_iter().filter(|subject| subject.takes(Workload::History)) {
        let dir = system::folder().unwrap();
        let ledger = subject.open(dir.path(), false, &open_embedded).unwrap();
        fill::fill(&*ledger, stored(), now()).unwrap();
        let key = ledger.pair(stored()).unwrap();
        let reader = ledger.reader().unwrap();
        let name = subject.name();
        group.bench_function(format!("dashboard/{name}"), |bencher| bencher.iter(|| reader.dashboard().unwrap()));
        group.bench_function(format!("history/{name}"), |bencher| bencher.iter(|| reader.history(100).unwrap()));
        group.bench_function(format!("look-up/{name}"), |bencher| bencher.iter(|| reader.look_up(key).unwrap()));
        ledger.close().unwrap();
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
