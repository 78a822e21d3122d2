//! How fast a sync is, beside COPY of the same rows into the same tables, and what memory it takes: `cargo run --release -p
//! opledger-benches --bin sync_figures -- [OPERATIONS] [WAITING]`.

#![allow(clippy::unwrap_used, reason = "a bench that can't go on has nothing better to do than to say where")]

use std::sync::Mutex;
use std::time::{Duration, Instant};

use opledger::store::{
    Answer, Call, Change, Key, Outcome, Page, Plan, Purged, Record, Reply, Scan, Scope, StoreInfo, Unit,
};
use opledger::sync::Agent;
use opledger::{Clock, Position, Result, Store, SystemClock, Timestamp, Tracker};
use opledger_bench::ledger::{Ledger, Ours};
use opledger_bench::system;
use opledger_memory::MemoryStore;
use opledger_postgres::{Config, PostgresStore, Session};
use opledger_sled::{Durability, Options, SledStore};
use opledger_testkit_postgres::{Database, Server};
use pollster::block_on;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next();
    // This program again, with nothing but a sync in its memory.
    if first.as_deref() == Some("--memory") {
        return memory_of(&arguments.next().unwrap());
    }
    let operations = first.map_or(100_000, |text| text.parse().unwrap());
    let waiting = arguments.next().map_or(1_000_000, |text| text.parse().unwrap());
    println!("load {:.1}", system::load().unwrap_or(f64::NAN));
    speed(operations);
    for waiting in [waiting / 10, waiting] {
        memory(waiting);
    }
}

fn sled(dir: &std::path::Path) -> SledStore {
    let durability = Durability::Interval(Duration::from_secs(1));
    SledStore::open(dir, Options { durability, ..Options::default() }).unwrap()
}

/// Makes a store of many operations, and lets go of it.
fn fill(dir: &std::path::Path, operations: u64) {
    let ledger = Box::new(Ours::new(sled(dir)));
    opledger_bench::fill::fill(&*ledger, operations, SystemClock.now()).unwrap();
    ledger.close().unwrap();
}

fn speed(operations: u64) {
    let dir = system::folder().unwrap();
    fill(dir.path(), operations);
    let tracker = Tracker::new(sled(dir.path()));
    // As a server is set up, but for what tests leave out.
    let durable = [("fsync", "on"), ("synchronous_commit", "on"), ("full_page_writes", "on")];
    let server = durable.into_iter().fold(Server::builder(), |server, (name, value)| server.setting(name, value));
    let server = server.start().unwrap();
    let database = server.create_database().unwrap();
    let config = |user: &str| Config::with_environment(&database.dsn(user), |_| None).unwrap();
    block_on(async {
        let session = Session::connect(&config("postgres")).await.unwrap();
        session.run(opledger_sql::install_script()).await.unwrap();
        session.run("CREATE ROLE agent LOGIN IN ROLE script_tracking_writer").await.unwrap();
    });
    let store = PostgresStore::open(&config("agent")).unwrap();
    let began = Instant::now();
    let passed = block_on(Agent::new(&tracker, "bench").unwrap().sync(&store)).unwrap();
    let taken = began.elapsed();
    assert_eq!(passed.conflicts, 0, "all arrives");
    let rate = per_second(operations, taken);
    println!("sync: {operations} operations, {} versions in {taken:.2?}: {rate:.0} operations/s", passed.versions);
    let copied = copy_rows(&database);
    let copy = per_second(operations, copied);
    println!("COPY of the same rows: {copied:.2?}: {copy:.0} operations/s; sync / COPY = {:.3}", rate / copy);
}

fn per_second(count: u64, time: Duration) -> f64 {
    u32::try_from(count).map_or(f64::NAN, f64::from) / time.as_secs_f64()
}

/// Copies the rows that arrived into tables of the same kind with the same indexes.
fn copy_rows(database: &Database<'_>) -> Duration {
    let mut client = database.connect().unwrap();
    let folder = database.server().files_folder();
    for table in ["script_execution_h", "script_execution_s"] {
        let file = folder.join(table);
        let (table, file) = (format!("script_tracking.{table}"), file.display());
        client
            .batch_execute(&format!(
                "CREATE TABLE {table}_copied (LIKE {table} INCLUDING ALL); COPY {table} TO '{file}';"
            ))
            .unwrap();
    }
    client.batch_execute("CHECKPOINT").unwrap();
    let began = Instant::now();
    for table in ["script_execution_h", "script_execution_s"] {
        let file = folder.join(table);
        let copy = format!("COPY script_tracking.{table}_copied FROM '{}'", file.display());
        client.batch_execute(&copy).unwrap();
    }
    began.elapsed()
}

fn memory(waiting: u64) {
    let dir = system::folder().unwrap();
    fill(dir.path(), waiting);
    let program = std::env::current_exe().unwrap();
    let output = std::process::Command::new(program).arg("--memory").arg(dir.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    print!("{waiting} operations wait: {}", String::from_utf8_lossy(&output.stdout));
}

/// Sends what waits to nowhere, and says what memory that took.
fn memory_of(dir: &str) {
    let tracker = Tracker::new(sled(dir.as_ref()));
    let opened = peak();
    let began = Instant::now();
    let passed = block_on(Agent::new(&tracker, "bench").unwrap().sync(&Nowhere::default())).unwrap();
    let (taken, versions) = (began.elapsed(), passed.versions);
    println!("peak memory {opened} MiB when opened, {} MiB after {versions} versions in {taken:.1?}", peak());
}

/// The most memory this process ever had, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1024
}

/// A server that takes over everything and keeps only marks.
#[derive(Default)]
struct Nowhere {
    documents: MemoryStore,
    taken: Mutex<u64>,
}

impl Store for Nowhere {
    fn info(&self) -> StoreInfo {
        self.documents.info()
    }
    fn commit(&self, units: Vec<Unit>) -> impl Future<Output = Result<Vec<Outcome>>> + Send + use<> {
        let mut outcomes = Vec::new();
        for unit in units {
            if matches!(unit.change, Change::Put(_)) {
                outcomes.extend(block_on(self.documents.commit(vec![unit])).unwrap());
            } else {
                let mut taken = self.taken.lock().unwrap();
                *taken += 1;
                outcomes.push(Outcome::Done(Position::new(0, *taken, 0)));
            }
        }
        std::future::ready(Ok(outcomes))
    }
    async fn get(&self, scope: Scope, keys: &[Key]) -> Result<Vec<Option<Record>>> {
        self.documents.get(scope, keys).await
    }
    async fn scan(&self, scope: Scope, scan: &Scan, limit: usize) -> Result<Page> {
        self.documents.scan(scope, scan, limit).await
    }
    async fn answer(&self, scope: Scope, plan: &Plan) -> Result<Option<Answer>> {
        self.documents.answer(scope, plan).await
    }
    async fn purge(&self, scope: Scope, before: Timestamp, limit: usize) -> Result<Purged> {
        self.documents.purge(scope, before, limit).await
    }
    async fn wait(&self, after: Position, at_most: Duration) -> Result<Position> {
        self.documents.wait(after, at_most).await
    }
    async fn call(&self, scope: Scope, call: &Call) -> Result<Option<Reply>> {
        self.documents.call(scope, call).await
    }
    async fn close(&self) -> Result<()> {
        self.documents.close().await
    }
}
