//! The same model as two plain tables in SQLite, in WAL mode, with prepared statements. Four indexes; two of them fit the
//! dashboard's question exactly (SQLite reads them alone). The rowid is the log.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use opledger::store::{Change, State, Unit};
use opledger::{Error, ErrorKind, Hash, Result, Status, Timestamp};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Statement, params};

use super::{Baseline, Sync};
use crate::content;
use crate::ledger::{Figures, Reader, now};

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
const HUB: &str = "INSERT INTO hub VALUES (?1, ?2, ?3, ?4, ?5)";
const CLOSE: &str =
    "UPDATE satellite SET load_end_date = ?3 WHERE hk = ?1 AND load_date = ?2 AND load_end_date IS NULL";
const APPEND: &str = "
    INSERT INTO satellite (hk, load_date, hash_diff, unit, record_source, script_name, script_type, execution_status,
        execution_timestamp, execution_duration_ms, db_session_user, affected_objects, sql_command, error_message,
        metadata)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
const FIGURES: &str = "
    SELECT count(*), coalesce(sum(execution_status = 'COMPLETED'), 0), coalesce(sum(execution_status = 'FAILED'), 0),
        coalesce(sum(script_type = 'DDL_AUTO'), 0), count(execution_duration_ms)
    FROM satellite WHERE load_end_date IS NULL AND execution_timestamp > ?1";
const P95: &str = "
    SELECT execution_duration_ms FROM satellite
    WHERE load_end_date IS NULL AND execution_timestamp > ?1 AND execution_duration_ms IS NOT NULL
    ORDER BY execution_duration_ms LIMIT 1 OFFSET ?2";
const RUNNING: &str = "
    SELECT count(*), coalesce(sum(execution_timestamp <= ?1), 0) FROM satellite
    WHERE load_end_date IS NULL AND execution_status = 'RUNNING'";
const STANDS: &str = "SELECT execution_status FROM satellite WHERE hk = ?1 AND load_end_date IS NULL";
const HISTORY: &str = "
    SELECT hk, script_name, script_type, execution_status, execution_timestamp, execution_duration_ms, db_session_user,
        affected_objects
    FROM satellite WHERE load_end_date IS NULL AND execution_timestamp > ?1
    ORDER BY execution_timestamp DESC, hk DESC LIMIT ?2";
/// Of one step of a cleanup, as many as ours.
const OLD: &str = "
    INSERT INTO old SELECT hk FROM satellite WHERE load_end_date IS NULL AND execution_timestamp < ?1
        AND execution_status <> 'RUNNING' ORDER BY execution_timestamp LIMIT 500";

/// SQLite's connection behind a mutex.
#[derive(Debug)]
pub struct Sqlite(Mutex<Connection>);

fn sqlite(cause: rusqlite::Error) -> Error {
    let kind = match cause.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => ErrorKind::DiskFull,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => ErrorKind::Corrupt,
        _ => ErrorKind::Io,
    };
    Error::new(kind, format!("SQLite: {cause}")).caused_by(cause)
}

impl Sqlite {
    /// Opens or makes it in the folder `dir`: `synchronous` is FULL where each transaction is to be durable, NORMAL where
    /// checkpoints are.
    ///
    /// # Errors
    /// Gives what SQLite says.
    pub fn open(dir: &Path, sync: Sync) -> Result<Self> {
        let open = || {
            let connection = Connection::open(dir.join("ledger.sqlite"))?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", if sync == Sync::Always { "FULL" } else { "NORMAL" })?;
            // As much as our stores take.
            connection.pragma_update(None, "cache_size", -32 * 1024)?;
            connection.execute_batch(SCHEMA)?;
            connection.execute_batch("CREATE TEMP TABLE old (hk BLOB PRIMARY KEY)")?;
            connection.set_prepared_statement_cache_capacity(32);
            Ok(Self(Mutex::new(connection)))
        };
        open().map_err(sqlite)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One transaction: undone when it fails.
    fn transaction<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        let connection = self.lock();
        let run = || {
            connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
            let value = work(&connection)?;
            connection.prepare_cached("COMMIT")?.execute([])?;
            Ok(value)
        };
        run().map_err(|cause| {
            // The first error is the one to tell; without a transaction there is nothing to undo.
            let _ = connection.execute_batch("ROLLBACK");
            sqlite(cause)
        })
    }
}

impl Baseline for Sqlite {
    fn commit(&self, units: &[Unit]) -> Result<()> {
        self.transaction(|connection| units.iter().try_for_each(|unit| carry_out(connection, unit)))
    }

    fn sync(&self) -> Result<()> {
        Ok(())
    }

    fn reader(&self) -> Option<&dyn Reader> {
        Some(self)
    }

    fn recount(&self, each: &mut dyn FnMut(Option<u64>, Status)) -> Result<u64> {
        let connection = self.lock();
        let one = |query: &str| connection.query_row(query, [], |row| row.get::<_, String>(0)).map_err(sqlite);
        let sound = one("PRAGMA quick_check")?;
        if sound != "ok" {
            return Err(Error::new(ErrorKind::Corrupt, format!("SQLite's quick_check: {sound}")));
        }
        let mut query = connection
            .prepare(
                "SELECT sql_command, execution_status FROM hub JOIN satellite USING (hk) WHERE load_end_date IS NULL",
            )
            .map_err(sqlite)?;
        let mut rows = query.query([]).map_err(sqlite)?;
        while let Some(row) = rows.next().map_err(sqlite)? {
            let command: Option<String> = row.get(0).map_err(sqlite)?;
            let status: String = row.get(1).map_err(sqlite)?;
            each(content::number(command.as_deref()), parsed(&status)?);
        }
        connection.query_row("SELECT count(*) FROM satellite", [], |row| row.get(0)).map_err(sqlite)
    }

    /// Moves the WAL into the file, too.
    fn close(self) -> Result<()> {
        let connection = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(sqlite)?;
        connection.close().map_err(|(_, cause)| sqlite(cause))
    }
}

impl Reader for Sqlite {
    fn look_up(&self, key: Hash) -> Result<Option<Status>> {
        let connection = self.lock();
        let find = || connection.prepare_cached(STANDS)?.query_row([key.as_bytes()], text).optional();
        find().map_err(sqlite)?.map(|status| parsed(&status)).transpose()
    }

    fn history(&self, limit: usize) -> Result<usize> {
        let since = now().days_before(7).as_micros();
        let connection = self.lock();
        let read = || {
            let mut query = connection.prepare_cached(HISTORY)?;
            let mut rows = query.query(params![since, i64::try_from(limit).unwrap_or(i64::MAX)])?;
            let mut count = 0;
            while let Some(row) = rows.next()? {
                std::hint::black_box((
                    row.get::<_, [u8; 32]>(0)?,
                    [row.get::<_, String>(1)?, row.get(2)?, row.get(3)?],
                    row.get::<_, i64>(4)?,
                    row.get::<_, Option<i32>>(5)?,
                    [row.get::<_, Option<String>>(6)?, row.get(7)?],
                ));
                count += 1;
            }
            Ok(count)
        };
        read().map_err(sqlite)
    }

    fn figures(&self, at: Timestamp) -> Result<Figures> {
        let since = at.days_before(1).as_micros();
        let connection = self.lock();
        let read = || {
            let (mut figures, timed) = connection.prepare_cached(FIGURES)?.query_row([since], |row| {
                let (operations, completed, failed, ddl) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
                Ok((Figures { operations, completed, failed, ddl, ..Figures::default() }, row.get::<_, u64>(4)?))
            })?;
            if timed > 0 {
                let rank = (timed * 95).div_ceil(100) - 1;
                figures.p95_ms = connection.prepare_cached(P95)?.query_row(params![since, rank], |row| row.get(0))?;
            }
            (figures.running, figures.stale) =
                connection.prepare_cached(RUNNING)?.query_row([since], |row| Ok((row.get(0)?, row.get(1)?)))?;
            figures.total = connection.prepare_cached("SELECT count(*) FROM hub")?.query_row([], |row| row.get(0))?;
            Ok(figures)
        };
        read().map_err(sqlite)
    }

    fn dashboard(&self) -> Result<()> {
        self.figures(now()).map(drop)
    }

    fn cleanup(&self, days: u32) -> Result<u64> {
        let before = now().days_before(days).as_micros();
        let mut removed = 0;
        loop {
            let step = self.transaction(|connection| {
                let old = connection.prepare_cached(OLD)?.execute([before])?;
                for remove in [
                    "DELETE FROM satellite WHERE hk IN (SELECT hk FROM old)",
                    "DELETE FROM hub WHERE hk IN (SELECT hk FROM old)",
                    "DELETE FROM old",
                ] {
                    connection.prepare_cached(remove)?.execute([])?;
                }
                Ok(old)
            })?;
            if step == 0 {
                return Ok(removed);
            }
            removed += step as u64;
        }
    }
}

fn text(row: &rusqlite::Row<'_>) -> rusqlite::Result<String> {
    row.get(0)
}

fn parsed(word: &str) -> Result<Status> {
    word.parse().map_err(|cause| Error::new(ErrorKind::Corrupt, format!("{cause}")))
}

fn carry_out(connection: &Connection, unit: &Unit) -> rusqlite::Result<()> {
    match &unit.change {
        Change::Start { hub, first } => {
            let hk = hub.script_execution_hk.as_bytes().as_slice();
            let tenant = hub.tenant.map(|tenant| tenant.as_bytes().to_vec());
            let load_date = hub.load_date.as_micros();
            let mut insert = connection.prepare_cached(HUB)?;
            insert.execute(params![hk, hub.script_execution_bk, tenant, load_date, hub.record_source])?;
            append(connection, unit, hk, first)
        }
        Change::Append { operation, expect_open, next, .. } => {
            let hk = operation.as_bytes().as_slice();
            let mut close = connection.prepare_cached(CLOSE)?;
            one(&mut close, params![hk, expect_open.0.as_micros(), next.load_date.as_micros()])?;
            append(connection, unit, hk, next)
        }
        _ => Err(rusqlite::Error::InvalidQuery),
    }
}

/// Runs a statement that must change one row: an operation ends once.
fn one(statement: &mut Statement<'_>, values: impl rusqlite::Params) -> rusqlite::Result<()> {
    match statement.execute(values)? {
        1 => Ok(()),
        changed => Err(rusqlite::Error::StatementChangedRows(changed)),
    }
}

fn append(connection: &Connection, unit: &Unit, hk: &[u8], state: &State) -> rusqlite::Result<()> {
    let said = &state.attributes;
    let mut insert = connection.prepare_cached(APPEND)?;
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
    one(&mut insert, values)
}
