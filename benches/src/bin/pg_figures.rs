//! Figures of the PostgreSQL backend beside what a user would write instead, on one server, in turns:
//! `cargo run --release -p opledger-benches --bin pg_figures [-- pairs [TASKS…]|batches|dashboard|notify|wait]`.
//!
//! - Pairs: start and end of an operation, each acknowledged: by the tracker; by bare prepared INSERT and UPDATE statements on
//!   equal tables without checks, with the same round trips; by calling the functions of the SQL API.
//! - Batches of 1,000 operations with both versions: by one commit; by COPY into equal tables.
//! - What it would cost to tell readers of each commit (NOTIFY), and how soon a reader that polls hears of one.
//! - The dashboard at 10 thousand to a million operations of one day: by the tracker, and by the SQL function.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench that can't go on has nothing better to do than to say where"
)]

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use opledger::hash::Metadata;
use opledger::store::{Change, Outcome, State, Unit};
use opledger::{Clock, Hash, Position, Store, SystemClock};
use opledger_bench::{content, system};
use opledger_benches::server::{
    Bench, bare_pair, fill, function_pair, own_time, prepare_bare, prepare_functions, tracker_pair,
};
use opledger_testkit_postgres::Database;

/// How long each is measured, and how often they take turns.
const SO_LONG: Duration = Duration::from_secs(2);
const TURNS: usize = 3;
const BATCH: u64 = 1000;

/// A trigger that tells of each statement's commit.
const TELL: &str = "CREATE FUNCTION bare.tell() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN PERFORM pg_notify('opledger', ''); RETURN NULL; END $$;
    CREATE TRIGGER tell AFTER INSERT ON script_tracking.script_execution_s EXECUTE FUNCTION bare.tell();";

struct Figures(Bench);

/// Pairs a second, and what processor time each took, in microseconds.
struct Rate {
    pairs: f64,
    server: f64,
    client: f64,
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&format!("{:.0}+{:.0}", self.server, self.client))
    }
}

fn main() {
    let wanted = std::env::args().nth(1);
    let asked = |name: &str| wanted.as_deref().is_none_or(|wanted| wanted == name);
    let bench = Figures(Bench::start());
    println!(
        "unix socket, fsync on, {} processors; load {:.1} at the start",
        std::thread::available_parallelism().unwrap(),
        system::load().unwrap_or(f64::NAN)
    );
    if asked("pairs") {
        bench.pairs();
    }
    if asked("batches") {
        bench.batches();
    }
    if asked("dashboard") {
        bench.dashboard();
    }
    if asked("notify") {
        bench.notify();
    }
    if asked("wait") {
        bench.wait();
    }
}

impl Figures {
    fn pairs(&self) {
        println!(
            "\npairs a second (median of {TURNS} turns), and processor time of a pair in \u{b5}s (server + client)"
        );
        println!("tasks  tracker     bare  SQL API  tracker/bare    tracker      bare   SQL API");
        let asked: Vec<usize> = std::env::args().skip(2).map(|tasks| tasks.parse().unwrap()).collect();
        for tasks in if asked.is_empty() { vec![1, 8, 32] } else { asked } {
            let mut figures = [const { Vec::new() }; 3];
            let database = self.0.database();
            for _ in 0..TURNS {
                figures[0].push(self.by_tracker(&database, tasks));
                figures[1].push(self.by_bare_statements(&database, tasks));
                figures[2].push(self.by_functions(&database, tasks));
            }
            let [ours, bare, functions] = figures.map(|figures| {
                let of = |part: fn(&Rate) -> f64| median(figures.iter().map(part).collect());
                Rate { pairs: of(|rate| rate.pairs), server: of(|rate| rate.server), client: of(|rate| rate.client) }
            });
            println!(
                "{tasks:5} {:8.0} {:8.0} {:8.0} {:12.2}   {ours:>9} {bare:>9} {functions:>9}",
                ours.pairs,
                bare.pairs,
                functions.pairs,
                ours.pairs / bare.pairs
            );
        }
    }

    /// Lets tasks make pairs for so long.
    #[allow(clippy::cast_precision_loss)]
    fn rate<W: Future<Output = ()> + Send + 'static>(&self, work: impl Iterator<Item = W>, made: &AtomicU64) -> Rate {
        let before = (self.0.server_time(), own_time());
        let began = Instant::now();
        self.0.runtime.block_on(async {
            let tasks: Vec<_> = work.map(|task| tokio::spawn(task)).collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        let seconds = began.elapsed().as_secs_f64();
        let made = made.load(Ordering::Relaxed) as f64;
        let each = |time: Duration, before: Duration| time.saturating_sub(before).as_secs_f64() * 1_000_000.0 / made;
        Rate { pairs: made / seconds, server: each(self.0.server_time(), before.0), client: each(own_time(), before.1) }
    }

    fn by_tracker(&self, database: &Database<'_>, tasks: usize) -> Rate {
        let tracker = self.0.tracker(database);
        let (made, until, next) =
            (Arc::new(AtomicU64::new(0)), Instant::now() + SO_LONG, Arc::new(AtomicU64::new(self.0.first())));
        let work = (0..tasks).map(|_| {
            let (tracker, made, next) = (tracker.clone(), Arc::clone(&made), Arc::clone(&next));
            async move {
                while Instant::now() < until {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    tracker_pair(&tracker, n).await;
                    made.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        let rate = self.rate(work, &made);
        self.0.runtime.block_on(tracker.close()).unwrap();
        rate
    }

    fn by_bare_statements(&self, database: &Database<'_>, tasks: usize) -> Rate {
        let (made, until, first) = (Arc::new(AtomicU64::new(0)), Instant::now() + SO_LONG, self.0.first());
        let work = self.0.clients(database, tasks).into_iter().zip(0u64..).map(|(client, task)| {
            let made = Arc::clone(&made);
            async move {
                let prepared = prepare_bare(&client).await;
                let mut n = first + task * 20_000;
                while Instant::now() < until {
                    bare_pair(&client, &prepared, n).await;
                    n += 1;
                    made.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        self.rate(work, &made)
    }

    fn by_functions(&self, database: &Database<'_>, tasks: usize) -> Rate {
        let (made, until) = (Arc::new(AtomicU64::new(0)), Instant::now() + SO_LONG);
        let work = self.0.clients(database, tasks).into_iter().map(|client| {
            let made = Arc::clone(&made);
            async move {
                let prepared = prepare_functions(&client).await;
                while Instant::now() < until {
                    function_pair(&client, &prepared).await;
                    made.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        self.rate(work, &made)
    }

    fn batches(&self) {
        let database = self.0.database();
        let tracker = self.0.tracker(&database);
        let mut client = database.connect_as("writer").unwrap();
        let (mut ours, mut copied) = (Vec::new(), Vec::new());
        for _ in 0..TURNS * 10 {
            let first = self.0.first();
            let units = batch(first);
            let began = Instant::now();
            let done = self.0.runtime.block_on(tracker.store().commit(units)).unwrap();
            ours.push(began.elapsed().as_secs_f64());
            assert!(done.iter().all(|outcome| matches!(outcome, Outcome::Done(_))));
            let (hubs, versions) = copy_text(&batch(self.0.first()));
            let began = Instant::now();
            let mut transaction = client.transaction().unwrap();
            copy(&mut transaction, COPY_HUBS, &hubs);
            copy(&mut transaction, COPY_VERSIONS, &versions);
            transaction.commit().unwrap();
            copied.push(began.elapsed().as_secs_f64());
        }
        #[allow(clippy::cast_precision_loss)]
        let rate = |times: Vec<f64>| BATCH as f64 / median(times);
        let (ours, copied) = (rate(ours), rate(copied));
        println!("\noperations a second, with both versions, in batches of {BATCH} (median of {} turns)", TURNS * 10);
        println!("one commit {ours:8.0}\nCOPY       {copied:8.0}\nratio      {:8.2}", ours / copied);
        self.0.runtime.block_on(tracker.close()).unwrap();
    }

    fn dashboard(&self) {
        println!("\nmilliseconds for the dashboard (median of 15)\noperations  tracker  SQL API");
        for count in [10_000, 100_000, 1_000_000] {
            let database = self.0.database();
            fill(&database, count);
            let tracker = self.0.tracker(&database);
            let client = &self.0.clients(&database, 1)[0];
            let (mut ours, mut sql) = (Vec::new(), Vec::new());
            for _ in 0..15 {
                ours.push(self.timed(async { drop(tracker.enterprise_dashboard().await.unwrap()) }));
                let call = "SELECT * FROM script_tracking.get_enterprise_dashboard()";
                sql.push(self.timed(async { drop(client.query(call, &[]).await.unwrap()) }));
            }
            println!("{count:10} {:8.1} {:8.1}", median(ours), median(sql));
            self.0.runtime.block_on(tracker.close()).unwrap();
        }
    }

    /// The same pairs, while a trigger tells of each commit and nobody listens.
    fn notify(&self) {
        println!("\npairs a second by the tracker (median of {TURNS} turns)\ntasks   silent  NOTIFY  NOTIFY/silent");
        for tasks in [1, 8, 32] {
            let database = self.0.database();
            let mut client = database.connect().unwrap();
            client.batch_execute(TELL).unwrap();
            let mut figures = [const { Vec::new() }; 2];
            for _ in 0..TURNS {
                client.batch_execute("ALTER TABLE script_tracking.script_execution_s DISABLE TRIGGER tell").unwrap();
                figures[0].push(self.by_tracker(&database, tasks).pairs);
                client.batch_execute("ALTER TABLE script_tracking.script_execution_s ENABLE TRIGGER tell").unwrap();
                figures[1].push(self.by_tracker(&database, tasks).pairs);
            }
            let [silent, told] = figures.map(median);
            println!("{tasks:5} {silent:8.0} {told:7.0} {:14.2}", told / silent);
        }
    }

    /// From another session's commit to the end of a `wait` for it, which has waited for a second by then.
    fn wait(&self) {
        let database = self.0.database();
        let tracker = self.0.tracker(&database);
        let mut client = database.connect_as("writer").unwrap();
        let mut times = Vec::new();
        for turn in 0..20u64 {
            let after = self.0.runtime.block_on(tracker.store().wait(Position::START, Duration::ZERO)).unwrap();
            let waiting = {
                let tracker = tracker.clone();
                self.0.runtime.spawn(async move {
                    let found = tracker.store().wait(after, Duration::from_secs(30)).await.unwrap();
                    (found, Instant::now())
                })
            };
            // At no fixed distance from the reader's looks.
            std::thread::sleep(Duration::from_millis(1000 + turn * 7));
            client.execute("SELECT script_tracking.track_operation('wake')", &[]).unwrap();
            let committed = Instant::now();
            let (found, woken) = self.0.runtime.block_on(waiting).unwrap();
            assert!(found > after);
            times.push(woken.saturating_duration_since(committed).as_secs_f64() * 1000.0);
        }
        let most = times.iter().copied().fold(0.0, f64::max);
        println!(
            "\nmilliseconds from a commit elsewhere to who waits (20 turns): median {:.0}, most {most:.0}",
            median(times)
        );
        self.0.runtime.block_on(tracker.close()).unwrap();
    }

    fn timed(&self, work: impl Future<Output = ()>) -> f64 {
        let began = Instant::now();
        self.0.runtime.block_on(work);
        began.elapsed().as_secs_f64() * 1000.0
    }
}

/// Starts, then ends.
fn batch(first: u64) -> Vec<Unit> {
    let starts: Vec<_> = (first..first + BATCH).map(|n| content::start(n, SystemClock.now()).unwrap()).collect();
    let ends: Vec<_> =
        (first..).zip(&starts).map(|(n, (_, operation))| content::finish(n, operation).unwrap()).collect();
    starts.into_iter().map(|(unit, _)| unit).chain(ends).collect()
}

const COPY_HUBS: &str = "COPY bare.h (script_execution_hk, script_execution_bk, load_date, record_source) FROM STDIN";
const COPY_VERSIONS: &str = "COPY bare.s (script_execution_hk, load_date, load_end_date, hash_diff, script_name, script_type, \
    execution_status, execution_timestamp, execution_duration_ms, db_session_user, affected_objects, sql_command, metadata, \
    record_source) FROM STDIN";

/// The same rows, as COPY reads them: the first versions closed already.
fn copy_text(units: &[Unit]) -> (String, String) {
    let (mut hubs, mut versions) = (String::new(), String::new());
    let ends = units.iter().rev().take(units.len() / 2).rev().map(|unit| match &unit.change {
        Change::Append { next, .. } => next,
        _ => unreachable!("ends come last"),
    });
    for (unit, end) in units.iter().zip(ends) {
        let Change::Start { hub, first } = &unit.change else { unreachable!("starts come first") };
        let hk = hub.script_execution_hk;
        hubs += &format!("\\\\x{hk}\t{}\t{}\t{}\n", hub.script_execution_bk, hub.load_date, hub.record_source);
        versions += &copy_version(hk, first, Some(end));
        versions += &copy_version(hk, end, None);
    }
    (hubs, versions)
}

fn copy_version(hk: Hash, state: &State, next: Option<&State>) -> String {
    let said = &state.attributes;
    let objects: Vec<_> = said.affected_objects.iter().flatten().flatten().cloned().collect();
    format!(
        "\\\\x{hk}\t{}\t{}\t\\\\x{}\t{}\t{}\t{}\t{}\t{}\t{}\t{{{}}}\t{}\t{}\t{}\n",
        state.load_date,
        next.map_or("\\N".to_owned(), |next| next.load_date.to_string()),
        state.hash_diff,
        said.script_name,
        said.script_type,
        said.execution_status,
        said.execution_timestamp,
        said.execution_duration_ms.map_or("\\N".to_owned(), |ms| ms.to_string()),
        said.db_session_user.as_deref().unwrap_or("\\N"),
        objects.join(","),
        said.sql_command.as_deref().unwrap_or("\\N"),
        said.metadata.as_ref().map_or("\\N", Metadata::as_str),
        state.record_source
    )
}

fn copy(client: &mut postgres::Transaction<'_>, sql: &str, text: &str) {
    let mut writer = client.copy_in(sql).unwrap();
    writer.write_all(text.as_bytes()).unwrap();
    writer.finish().unwrap();
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
