//! The PostgreSQL backend at small scale: pairs by the tracker, by bare prepared statements and by the SQL functions, one round
//! trip for a start and one for an end; and the dashboard. `pg_figures` has more of it, in turns.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench that can't go on says where by panicking")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use opledger_benches::server::{Bench, bare_pair, fill, function_pair, prepare_bare, prepare_functions, tracker_pair};

/// The time in which all of these come to their end.
fn time<W: Future<Output = ()> + Send + 'static>(bench: &Bench, work: impl IntoIterator<Item = W>) -> Duration {
    let began = Instant::now();
    bench.runtime.block_on(async {
        let tasks: Vec<_> = work.into_iter().map(|task| tokio::spawn(task)).collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    began.elapsed()
}

fn pairs(criterion: &mut Criterion) {
    let bench = Bench::start();
    let database = bench.database();
    let tracker = bench.tracker(&database);
    for tasks in [1usize, 8] {
        let clients = bench.clients(&database, tasks);
        let mut group = criterion.benchmark_group(format!("postgres-pairs-{tasks}"));
        group.sample_size(10).sampling_mode(SamplingMode::Flat);
        group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
        group.throughput(Throughput::Elements(tasks as u64));
        group.bench_function("tracker", |bencher| {
            bencher.iter_custom(|each| {
                let work = (0..tasks).map(|_| {
                    let (tracker, first) = (tracker.clone(), bench.first());
                    async move {
                        for n in first..first + each {
                            tracker_pair(&tracker, n).await;
                        }
                    }
                });
                time(&bench, work)
            });
        });
        group.bench_function("bare", |bencher| {
            bencher.iter_custom(|each| {
                let work = clients.iter().map(|client| {
                    let (client, first) = (Arc::clone(client), bench.first());
                    async move {
                        let prepared = prepare_bare(&client).await;
                        for n in first..first + each {
                            bare_pair(&client, &prepared, n).await;
                        }
                    }
                });
                time(&bench, work)
            });
        });
        group.bench_function("sql-api", |bencher| {
            bencher.iter_custom(|each| {
                let work = clients.iter().map(|client| {
                    let client = Arc::clone(client);
                    async move {
                        let prepared = prepare_functions(&client).await;
                        for _ in 0..each {
                            function_pair(&client, &prepared).await;
                        }
                    }
                });
                time(&bench, work)
            });
        });
        group.finish();
    }
    bench.runtime.block_on(tracker.close()).unwrap();
}

fn dashboard(criterion: &mut Criterion) {
    let bench = Bench::start();
    let database = bench.database();
    fill(&database, 10_000);
    let tracker = bench.tracker(&database);
    let mut group = criterion.benchmark_group("postgres-dashboard-10k");
    group.sample_size(10);
    group.bench_function("tracker", |bencher| {
        bencher.iter(|| bench.runtime.block_on(tracker.enterprise_dashboard()).unwrap());
    });
    group.finish();
    bench.runtime.block_on(tracker.close()).unwrap();
}

criterion_group!(benches, pairs, dashboard);
criterion_main!(benches);
