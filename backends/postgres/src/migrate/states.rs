//! The table `script_tracking.migration`: one for all who migrate this database.

use std::str::FromStr;

use opledger::migrate::{MigrationState, RecordedState, statements};
use opledger::{Error, ErrorKind, Hash, Result, Timestamp};

use super::one;
use crate::Session;

const COLUMNS: &str = "migration_kind::text, migration_version::text, migration_status::text, migration_file::text, \
    pg_catalog.encode(checksum, 'hex'), execution_time_ms::text, statement_number::text, error_details, \
    pg_catalog.encode(script_execution_hk, 'hex'), \
    (pg_catalog.extract('epoch', load_date) * 1000000)::bigint::text, applied_by::text";

const WRITE: &str = "
SELECT script_tracking.record_migration($1, $2, $3, $4, pg_catalog.decode($5, 'hex'), $6::pg_catalog.int4,
    $7::pg_catalog.int4, $8, pg_catalog.decode($9, 'hex'))::pg_catalog.text";

/// What is made where the schema is not installed: the table, and what writes to it. The installation has the same.
const FILES: [&str; 2] = ["tables/migration.sql", "functions/record_migration.sql"];

/// The last state of each version.
pub(super) async fn read(session: &Session) -> Result<Vec<RecordedState>> {
    if !is_there(session).await? {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT DISTINCT ON (migration_kind, migration_version) {COLUMNS} FROM script_tracking.migration \
         ORDER BY migration_kind, migration_version, state_number DESC"
    );
    session.query(sql, &[]).await?.into_iter().map(recorded).collect()
}

/// The last state that an operation wrote.
pub(super) async fn of_operation(session: &Session, operation: Hash) -> Result<Option<RecordedState>> {
    if !is_there(session).await? {
        return Ok(None);
    }
    let sql = format!(
        "SELECT {COLUMNS} FROM script_tracking.migration WHERE script_execution_hk = pg_catalog.decode($1, 'hex') \
         ORDER BY state_number DESC LIMIT 1"
    );
    session.query(sql, &[Some(&operation.to_string())]).await?.into_iter().next().map(recorded).transpose()
}

async fn is_there(session: &Session) -> Result<bool> {
    Ok(one(session, "SELECT pg_catalog.to_regclass('script_tracking.migration')::text", &[]).await?.is_some())
}

pub(super) async fn write(session: &Session, state: &MigrationState) -> Result<()> {
    let number = |number: Option<i32>| number.map(|number| number.to_string());
    let (time, statement) = (number(state.execution_time_ms), number(state.statement_number));
    let hex = |hash: Option<Hash>| hash.map(|hash| hash.to_string());
    let (checksum, operation) = (hex(state.checksum), hex(state.operation));
    let parameters = [
        Some(state.kind.as_str()),
        Some(state.version.as_str()),
        Some(state.status.as_str()),
        state.file.as_deref(),
        checksum.as_deref(),
        time.as_deref(),
        statement.as_deref(),
        state.error_details.as_deref(),
        operation.as_deref(),
    ];
    session.query(WRITE, &parameters).await.map(|_| ())
}

/// Makes the table, where neither an installation nor an earlier run did.
pub(super) async fn make_table(session: &Session) -> Result<()> {
    let function = "SELECT pg_catalog.to_regprocedure('script_tracking.record_migration(text, text, text, text, bytea, \
                    integer, integer, text, bytea)')::text";
    if one(session, function, &[]).await?.is_some() {
        return Ok(());
    }
    let mut script = "BEGIN; SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL client_min_messages = warning; \
                      CREATE SCHEMA IF NOT EXISTS script_tracking;\n"
        .to_owned();
    for path in FILES {
        script.push_str(first_statement(path)?);
        script.push_str(";\n");
    }
    script.push_str(
        "REVOKE ALL ON FUNCTION script_tracking.record_migration(text, text, text, text, bytea, integer, integer, text, \
         bytea) FROM PUBLIC; COMMIT",
    );
    session.run(script).await
}

/// What a file of the schema makes; what follows gives rights to roles that only an installation has.
fn first_statement(path: &str) -> Result<&'static str> {
    let missing = || Error::new(ErrorKind::MissingDependency, format!("{path} of opledger-sql holds no statement"));
    let file = opledger_sql::install_files().into_iter().find(|file| file.path == path).ok_or_else(missing)?;
    let first = statements(file.text).next().ok_or_else(missing)?;
    first.map(|statement| statement.text).map_err(|_| missing())
}

fn recorded(row: Vec<Option<String>>) -> Result<RecordedState> {
    let row: [Option<String>; 11] = row.try_into().map_err(|_| corrupt("a row of another length"))?;
    let [kind, version, status, file, checksum, time, statement, error_details, operation, load_date, applied_by] = row;
    let state = MigrationState {
        kind: required(kind, "migration_kind")?.parse()?,
        version: required(version, "migration_version")?,
        status: required(status, "migration_status")?.parse()?,
        file,
        checksum: parsed(checksum, "checksum")?,
        execution_time_ms: parsed(time, "execution_time_ms")?,
        statement_number: parsed(statement, "statement_number")?,
        error_details,
        operation: parsed(operation, "script_execution_hk")?,
    };
    let micros: Option<i64> = parsed(load_date, "load_date")?;
    let load_date = micros.map(Timestamp::from_micros).ok_or_else(|| corrupt("no load_date"))?;
    Ok(RecordedState { state, load_date, applied_by: applied_by.unwrap_or_default() })
}

fn required(value: Option<String>, column: &str) -> Result<String> {
    value.ok_or_else(|| corrupt(&format!("no {column}")))
}

fn parsed<T: FromStr>(value: Option<String>, column: &str) -> Result<Option<T>> {
    let read = |text: String| text.parse().map_err(|_| corrupt(&format!("a {column} that is none")));
    value.map(read).transpose()
}

fn corrupt(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("script_tracking.migration holds {what}"))
}
