//! A server of the benches' own, and what they do to it: pairs by the tracker, by bare statements, by the SQL functions.
#![allow(clippy::unwrap_used, reason = "a bench that can't go on has nothing better to do than to say where")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opledger::hash::Metadata;
use opledger::{Clock, Hash, SystemClock, Tracker, hash_key};
use opledger_bench::content;
use opledger_postgres::{Config, PostgresStore};
use opledger_testkit_postgres::{Database, Server};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, NoTls, Statement};

/// Equal tables, with the same indexes and no rights to look at.
const BARE: &str = "CREATE SCHEMA bare;
    CREATE TABLE bare.h (LIKE script_tracking.script_execution_h INCLUDING DEFAULTS INCLUDING INDEXES);
    CREATE TABLE bare.s (LIKE script_tracking.script_execution_s INCLUDING DEFAULTS INCLUDING INDEXES);
    GRANT USAGE ON SCHEMA bare TO writer; GRANT ALL ON bare.h, bare.s TO writer;
    GRANT USAGE ON SEQUENCE script_tracking.version_sequence TO writer;";

const START: &str = "WITH h AS (INSERT INTO bare.h (script_execution_hk, script_execution_bk, load_date, record_source)
        VALUES ($1, $2, $3::bigint * interval '1 microsecond' + 'epoch'::timestamptz, 'bare'))
    INSERT INTO bare.s (script_execution_hk, load_date, hash_diff, script_name, script_type, execution_status,
        execution_timestamp, db_session_user, affected_objects, sql_command, metadata, record_source)
    VALUES ($1, $3::bigint * interval '1 microsecond' + 'epoch'::timestamptz, $4, $5, $6, 'RUNNING',
        $3::bigint * interval '1 microsecond' + 'epoch'::timestamptz, $7, $8, $9, $10::text::jsonb, 'bare')";
const FINISH: &str = "WITH s AS (UPDATE bare.s SET load_end_date = $3::bigint * interval '1 microsecond' + 'epoch'::timestamptz
        WHERE script_execution_hk = $1 AND load_date = $2::bigint * interval '1 microsecond' + 'epoch'::timestamptz
            AND load_end_date IS NULL)
    INSERT INTO bare.s (script_execution_hk, load_date, hash_diff, script_name, script_type, execution_status,
        execution_timestamp, execution_duration_ms, db_session_user, affected_objects, sql_command, metadata, record_source)
    VALUES ($1, $3::bigint * interval '1 microsecond' + 'epoch'::timestamptz, $4, $5, $6, 'COMPLETED',
        $2::bigint * interval '1 microsecond' + 'epoch'::timestamptz, 7, $7, $8, $9, $10::text::jsonb, 'bare')";

/// A server that keeps what is committed, as one in production does.
pub struct Bench {
    /// Where the driver's tasks run.
    pub runtime: Runtime,
    /// The server.
    pub server: Server,
    next: AtomicU64,
}

impl Bench {
    /// Starts the server.
    #[must_use]
    pub fn start() -> Self {
        let durable = ["fsync", "synchronous_commit", "full_page_writes"];
        let server = durable.iter().fold(Server::builder(), |server, name| server.setting(name, "on"));
        let server = server
            .setting("shared_buffers", "512MB")
            .setting("max_wal_size", "8GB")
            .setting("checkpoint_timeout", "30min");
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { runtime, server: server.start().unwrap(), next: AtomicU64::new(0) }
    }

    /// A database with the schema, and bare tables beside it.
    #[must_use]
    pub fn database(&self) -> Database<'_> {
        let database = self.server.create_database().unwrap();
        let mut client = database.connect().unwrap();
        client.batch_execute(&opledger_sql::install_script()).unwrap();
        let role = "DO $$ BEGIN CREATE ROLE writer LOGIN IN ROLE script_tracking_writer;
            EXCEPTION WHEN duplicate_object THEN NULL; END $$";
        client.batch_execute(role).unwrap();
        client.batch_execute(BARE).unwrap();
        database
    }

    /// A tracker on it, in our runtime, as a user of tokio has it.
    #[must_use]
    pub fn tracker(&self, database: &Database<'_>) -> Tracker<PostgresStore> {
        let config = Config::with_environment(&database.dsn("writer"), |_| None).unwrap();
        Tracker::new(self.runtime.block_on(PostgresStore::connect(&config)).unwrap())
    }

    /// Connections to it, without anything of ours.
    #[must_use]
    pub fn clients(&self, database: &Database<'_>, count: usize) -> Vec<Arc<Client>> {
        (0..count)
            .map(|_| {
                self.runtime.block_on(async {
                    let (client, connection) = tokio_postgres::connect(&database.dsn("writer"), NoTls).await.unwrap();
                    tokio::spawn(connection);
                    Arc::new(client)
                })
            })
            .collect()
    }

    /// Processor time that the server and its sessions have taken since it was started.
    #[must_use]
    pub fn server_time(&self) -> Duration {
        let postmaster = std::fs::read_to_string(self.server.files_folder().join("data/postmaster.pid")).unwrap();
        let postmaster = postmaster.lines().next().unwrap().to_owned();
        let sessions = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|process| {
            let stat = std::fs::read_to_string(process.path().join("stat")).ok()?;
            (fields(&stat).nth(1)? == postmaster).then(|| ticks(&stat, &[11, 12]))
        });
        // Those that ended are in what the postmaster has of its children.
        let own = std::fs::read_to_string(format!("/proc/{postmaster}/stat")).unwrap();
        sessions.sum::<Duration>() + ticks(&own, &[11, 12, 13, 14])
    }

    /// The first of numbers that nobody else takes.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.next.fetch_add(1_000_000, Ordering::Relaxed)
    }
}

impl std::fmt::Debug for Bench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bench").finish_non_exhaustive()
    }
}

/// Processor time that this process has taken.
#[must_use]
pub fn own_time() -> Duration {
    ticks(&std::fs::read_to_string("/proc/self/stat").unwrap(), &[11, 12])
}

/// What follows the name in a line of `/proc/PID/stat`.
fn fields(stat: &str) -> impl Iterator<Item = &str> {
    stat.rsplit(") ").next().unwrap_or_default().split(' ')
}

/// The sum of times, which are hundredths of a second in Linux.
fn ticks(stat: &str, which: &[usize]) -> Duration {
    let hundredths: u64 = which.iter().map(|at| fields(stat).nth(*at).unwrap().parse::<u64>().unwrap()).sum();
    Duration::from_millis(10 * hundredths)
}

/// Start and end of one operation by the tracker, each acknowledged.
pub async fn tracker_pair(tracker: &Tracker<PostgresStore>, n: u64) {
    let handle = tracker.start(content::new_operation(n).unwrap()).await.unwrap();
    assert!(handle.finish(content::outcome(n), content::additions(n).unwrap()).await.unwrap().is_recorded());
}

/// Two prepared statements of one connection.
pub type Prepared = (Statement, Statement);

/// The bare statements of a pair.
pub async fn prepare_bare(client: &Client) -> Prepared {
    (client.prepare(START).await.unwrap(), client.prepare(FINISH).await.unwrap())
}

/// The calls of the SQL API for a pair.
pub async fn prepare_functions(client: &Client) -> Prepared {
    let start = client.prepare("SELECT script_tracking.track_operation($1, $2)").await.unwrap();
    (start, client.prepare("SELECT script_tracking.complete_operation($1)").await.unwrap())
}

/// Start and end of one operation by the SQL functions.
pub async fn function_pair(client: &Client, (start, finish): &Prepared) {
    let row = client.query_one(start, &[&"nightly_backup", &"BACKUP"]).await.unwrap();
    let key: Vec<u8> = row.get(0);
    assert!(client.query_one(finish, &[&key]).await.unwrap().get::<_, bool>(0));
}

/// The same rows as the tracker's, by the bare statements, with the same round trips.
pub async fn bare_pair(client: &Client, (start, finish): &Prepared, n: u64) {
    let began = SystemClock.now().as_micros();
    let said = content::attributes(n, opledger::Timestamp::from_micros(began)).unwrap();
    let key = format!("{}_{n}_{began}", said.script_name);
    let hk = hash_key(&key);
    let any = Hash::of("any");
    let (hk, hash_diff) = (&hk.as_bytes()[..], &any.as_bytes()[..]);
    let metadata = said.metadata.as_ref().map(Metadata::as_str);
    let rest: [&(dyn tokio_postgres::types::ToSql + Sync); 6] = [
        &said.script_name,
        &said.script_type,
        &said.db_session_user,
        &said.affected_objects,
        &said.sql_command,
        &metadata,
    ];
    let mut values: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> = vec![&hk, &key, &began, &hash_diff];
    values.extend(rest);
    client.execute(start, &values).await.unwrap();
    let ended = SystemClock.now().as_micros().max(began + 1);
    let mut values: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> = vec![&hk, &began, &ended, &hash_diff];
    values.extend(rest);
    client.execute(finish, &values).await.unwrap();
}

/// Finished operations, spread over two days.
pub fn fill(database: &Database<'_>, count: u32) {
    let mut client = database.connect().unwrap();
    let rows =
        "INSERT INTO script_tracking.script_execution_h (script_execution_hk, script_execution_bk, record_source)
            SELECT sha256(n::text::bytea), n::text, 'fill' FROM generate_series(1, $1::bigint) n";
    client.execute(rows, &[&i64::from(count)]).unwrap();
    let rows =
        "INSERT INTO script_tracking.script_execution_s (script_execution_hk, load_date, load_end_date, hash_diff,
                script_name, script_type, execution_status, execution_timestamp, execution_duration_ms, record_source)
            SELECT sha256(n::text::bytea), at, CASE v WHEN 1 THEN at + interval '1 second' END, sha256(n::text::bytea),
                'nightly_backup', 'TYPE_' || n % 6, CASE v WHEN 1 THEN 'RUNNING' ELSE 'COMPLETED' END, at,
                CASE v WHEN 2 THEN n % 1500 END, 'fill'
            FROM generate_series(1, $1::bigint) n, generate_series(1, 2) v,
                LATERAL (SELECT clock_timestamp() - n * interval '2 days' / $1::bigint) AS t (began),
                LATERAL (SELECT began + (v - 1) * interval '1 second') AS u (at)";
    client.execute(rows, &[&i64::from(count)]).unwrap();
    client.batch_execute("VACUUM ANALYZE").unwrap();
}
