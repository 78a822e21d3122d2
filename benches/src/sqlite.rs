//! What a user would write instead: the same model as two plain tables in SQLite, with prepared statements.
//! Hashes come with the units, so both sides compute them.

use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use opledger::Timestamp;
use opledger::store::{Change, State, Unit};
use rusqlite::{Connection, params};

// Four indexes; two of them fit the dashboard's question exactly (SQLite reads them alone). The rowid is the log.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS hub (
        hk BLOB PRIMARY KEY, bk TEXT NOT NULL, tenant BLOB, load_date INTEGER NOT NULL, record_source TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS satellite (
        position INTEGER PRIMARY KEY, hk BLOB NOT NULL, load_date INTEGER NOT NULL, load_end_date INTEGER,
        hash_diff BLOB NOT NULL, unit BLOB NOT NULL, record_source TEXT NOT NULL, script_name TEXT NOT NULL,
        script_type TEXT NOT NULL, execution_status TEXT NOT NULL, execution_timestamp INTEGER NOT NULL,
        execution_duration_ms INTEGER, db_session_user TEXT, affected_objects TEXT, sql_command TEXT,
        error_message TEXT, metadata TEXT);
    CREATE UNIQUE INDEX IF NOT EXISTS versions ON satellite (hk, load_date);
    CREATE INDEX IF NOT EXISTS open ON satellite (execution_timestamp, execution_status, script_type,
        execution_duration_ms) WHERE load_end_date IS NULL;
    CREATE INDEX IF NOT EXISTS running ON satellite (execution_timestamp)
        WHERE load_end_date IS NULL AND execution_status = 'RUNNING';";

const FIGURES: &str = "
    SELECT count(*), coalesce(sum(execution_status = 'COMPLETED'), 0), coalesce(sum(execution_status = 'FAILED'), 0),
        avg(execution_duration_ms), coalesce(sum(script_type = 'DDL_AUTO'), 0), count(execution_duration_ms)
    FROM satellite WHERE load_end_date IS NULL AND execution_timestamp > ?1";
const P95: &str = "
    SELECT execution_duration_ms FROM satellite
    WHERE load_end_date IS NULL AND execution_timestamp > ?1 AND execution_duration_ms IS NOT NULL
    ORDER BY execution_duration_ms LIMIT 1 OFFSET ?2";
const RUNNING: &str = "
    SELECT count(*), coalesce(sum(execution_timestamp <= ?1), 0) FROM satellite
    WHERE load_end_date IS NULL AND execution_status = 'RUNNING'";

/// When SQLite syncs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synchronous {
    /// Each transaction: what sled's `Immediate` is compared with.
    Full,
    /// At checkpoints only: what sled's `Interval` is compared with. A power cut loses what came after the last one.
    Normal,
}

/// The figures of the dashboard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// Operations of the last 24 hours.
    pub operations: u32,
    /// Those that ended well.
    pub completed: u32,
    /// Those that failed.
    pub failed: u32,
    /// The mean duration.
    pub average_ms: Option<f64>,
    /// The nearest-rank 95th percentile.
    pub p95_ms: Option<i64>,
    /// Those of the type `DDL_AUTO`.
    pub ddl: u32,
    /// What runs.
    pub running: u32,
    /// What has run for over 24 hours.
    pub stale: u32,
    /// All operations.
    pub total: u32,
}

/// A ledger in one SQLite file, one connection behind a mutex.
#[derive(Debug)]
pub struct Sqlite(Mutex<Connection>);

impl Sqlite {
    /// Opens or makes it in the folder `dir`.
    #[must_use]
    pub fn open(dir: &Path, synchronous: Synchronous) -> Self {
        let connection = Connection::open(dir.join("ledger.sqlite")).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        let word = if synchronous == Synchronous::Full { "FULL" } else { "NORMAL" };
        connection.pragma_update(None, "synchronous", word).unwrap();
        // As much as the sled store takes.
        connection.pragma_update(None, "cache_size", -32 * 1024).unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        connection.set_prepared_statement_cache_capacity(32);
        Self(Mutex::new(connection))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap()
    }

    /// Carries out units in one transaction.
    pub fn commit(&self, units: &[Unit]) {
        let connection = self.lock();
        connection.prepare_cached("BEGIN IMMEDIATE").unwrap().execute([]).unwrap();
        for unit in units {
            carry_out(&connection, unit);
        }
        connection.prepare_cached("COMMIT").unwrap().execute([]).unwrap();
    }

    /// The dashboard's figures as of `at`.
    #[must_use]
    pub fn figures(&self, at: Timestamp) -> Figures {
        let since = at.days_before(1).as_micros();
        let connection = self.lock();
        let mut query = connection.prepare_cached(FIGURES).unwrap();
        let (mut figures, timed) = query
            .query_row([since], |row| {
                let figures = Figures {
                    operations: row.get(0)?,
                    completed: row.get(1)?,
                    failed: row.get(2)?,
                    average_ms: row.get(3)?,
                    ddl: row.get(4)?,
                    p95_ms: None,
                    running: 0,
                    stale: 0,
                    total: 0,
                };
                Ok((figures, row.get::<_, u32>(5)?))
            })
            .unwrap();
        if timed > 0 {
            let rank = u32::try_from((u64::from(timed) * 95).div_ceil(100) - 1).unwrap();
            let mut query = connection.prepare_cached(P95).unwrap();
            figures.p95_ms = Some(query.query_row(params![since, rank], |row| row.get(0)).unwrap());
        }
        let mut query = connection.prepare_cached(RUNNING).unwrap();
        (figures.running, figures.stale) = query.query_row([since], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let mut query = connection.prepare_cached("SELECT count(*) FROM hub").unwrap();
        figures.total = query.query_row([], |row| row.get(0)).unwrap();
        figures
    }

    /// Moves the WAL into the file and closes it.
    pub fn close(self) {
        let connection = self.0.into_inner().unwrap();
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        connection.close().unwrap();
    }
}

fn carry_out(connection: &Connection, unit: &Unit) {
    match &unit.change {
        Change::Start { hub, first } => {
            let hk = hub.script_execution_hk.as_bytes().as_slice();
            let tenant = hub.tenant.map(|tenant| tenant.as_bytes().to_vec());
            let mut insert = connection.prepare_cached("INSERT INTO hub VALUES (?1, ?2, ?3, ?4, ?5)").unwrap();
            let load_date = hub.load_date.as_micros();
            insert.execute(params![hk, hub.script_execution_bk, tenant, load_date, hub.record_source]).unwrap();
            append(connection, unit, hk, first);
        }
        Change::Append { operation, expect_open, next, .. } => {
            let hk = operation.as_bytes().as_slice();
            let mut close = connection
                .prepare_cached(
                    "UPDATE satellite SET load_end_date = ?3 WHERE hk = ?1 AND load_date = ?2 AND load_end_date IS NULL",
                )
                .unwrap();
            let closed = close.execute(params![hk, expect_open.0.as_micros(), next.load_date.as_micros()]).unwrap();
            assert_eq!(closed, 1, "an operation ends once");
            append(connection, unit, hk, next);
        }
        // No bench makes one.
        Change::Check(_) | Change::Put(_) | Change::Remove(_) => {}
    }
}

fn append(connection: &Connection, unit: &Unit, hk: &[u8], state: &State) {
    let mut insert = connection
        .prepare_cached(
            "INSERT INTO satellite (hk, load_date, hash_diff, unit, record_source, script_name, script_type,
                execution_status, execution_timestamp, execution_duration_ms, db_session_user, affected_objects,
                sql_command, error_message, metadata)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )
        .unwrap();
    let said = &state.attributes;
    let objects = said.affected_objects.as_ref().map(|of| of.iter().flatten().cloned().collect::<Vec<_>>().join(","));
    let values = params![
        hk,
        state.load_date.as_micros(),
        state.hash_diff.as_bytes().as_slice(),
        unit.id.0.as_slice(),
        state.record_source,
        said.script_name,
        said.script_type,
        said.execution_status.as_str(),
        said.execution_timestamp.as_micros(),
        said.execution_duration_ms,
        said.db_session_user,
        objects,
        said.sql_command,
        said.error_message,
        said.metadata.as_ref().map(opledger::hash::Metadata::as_str),
    ];
    insert.execute(values).unwrap();
}
