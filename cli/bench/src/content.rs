//! One operation after another, each with the content of a real one: about 830 bytes for its start and its end together.

use opledger::hash::Metadata;
use opledger::intent::{Finish, Intent, Start, Verdict};
use opledger::model::UnitId;
use opledger::store::{Change, Unit};
use opledger::{
    Additions, Attributes, Error, ErrorKind, NewOperation, Operation, Outcome, Position, Result, Scope, Status,
    Timestamp, Version,
};

const TYPES: [&str; 6] = ["BACKUP", "MAINTENANCE", "MIGRATION", "DDL_AUTO", "REPORTING", "MANUAL"];
const WORK: [&str; 4] = ["nightly_backup", "reindex_orders", "monthly_report", "load_customers"];
const SCHEMAS: [&str; 3] = ["sales", "crm", "billing"];
const SOURCE: &str = "opledger";
/// What stands before an operation's number in its command.
const NUMBER: &str = "AND batch = ";

fn nth(of: &[&'static str], n: u64) -> &'static str {
    let at = usize::try_from(n).unwrap_or(0) % of.len().max(1);
    of.get(at).copied().unwrap_or_default()
}

/// What the `n`th operation says of itself when it starts.
///
/// # Errors
/// Gives none: the metadata is JSON.
pub fn attributes(n: u64, at: Timestamp) -> Result<Attributes> {
    let schema = nth(&SCHEMAS, n / 7);
    let metadata = format!(
        r#"{{"host": "db-{:02}", "attempt": {}, "ticket": "OPS-{n}", "release": "2024.01.3", "folder": "/srv/etl/current", "queue": "night"}}"#,
        n % 40,
        n % 3 + 1
    );
    Ok(Attributes {
        script_name: format!("{}_{:04}", nth(&WORK, n), n % 10_000),
        script_type: nth(&TYPES, n / 3).to_owned(),
        execution_status: Status::Running,
        execution_timestamp: at,
        execution_duration_ms: None,
        db_session_user: Some(format!("etl_{:02}", n % 12)),
        client_ip: None,
        affected_objects: Some(vec![Some(format!("{schema}.orders")), Some(format!("{schema}.order_lines"))]),
        sql_command: Some(format!(
            "INSERT INTO {schema}.orders_archive (order_id, customer_id, placed_on, total) SELECT order_id, customer_id, \
             placed_on, total FROM {schema}.orders WHERE placed_on < '2024-01-15' {NUMBER}{n} ON CONFLICT DO NOTHING"
        )),
        error_message: None,
        metadata: Some(Metadata::parse(&metadata)?),
    })
}

/// The number of an operation, from its command.
#[must_use]
pub fn number(sql_command: Option<&str>) -> Option<u64> {
    let (_, rest) = sql_command?.split_once(NUMBER)?;
    rest.split(' ').next()?.parse().ok()
}

/// The same, as a caller of the tracker says it.
///
/// # Errors
/// As [`attributes`].
pub fn new_operation(n: u64) -> Result<NewOperation> {
    let said = attributes(n, Timestamp::from_micros(0))?;
    let mut new = NewOperation::new(said.script_name).script_type(said.script_type);
    new = said.db_session_user.into_iter().fold(new, NewOperation::user);
    new = said.sql_command.into_iter().fold(new, NewOperation::sql_command);
    new = said.affected_objects.into_iter().flatten().flatten().fold(new, NewOperation::object);
    Ok(said.metadata.into_iter().fold(new, NewOperation::metadata))
}

/// Whether the `n`th operation fails: one of 20.
#[must_use]
pub fn fails(n: u64) -> bool {
    n % 20 == 7
}

/// How the `n`th operation ends.
#[must_use]
pub fn outcome(n: u64) -> Outcome {
    if fails(n) { Outcome::Failure(Some(format!("deadlock detected in batch {n}"))) } else { Outcome::Success }
}

/// What its end adds.
///
/// # Errors
/// As [`attributes`].
pub fn additions(n: u64) -> Result<Additions> {
    let metadata = format!(r#"{{"rows": {}, "exit_code": {}, "cpu_ms": {}}}"#, n % 5000, u8::from(fails(n)), n % 900);
    Ok(Additions { metadata: Some(Metadata::parse(&metadata)?), ..Additions::default() })
}

/// How long it takes, in milliseconds: 5 to 2,000.
#[must_use]
pub fn duration_ms(n: u64) -> i32 {
    i32::try_from(5 + n.wrapping_mul(7919) % 1996).unwrap_or(5)
}

/// The unit that starts the `n`th operation at `at`, and the operation as it stands then.
///
/// # Errors
/// Gives 58030 when the operating system has no random bytes.
pub fn start(n: u64, at: Timestamp) -> Result<(Unit, Operation)> {
    let attributes = attributes(n, at)?;
    let intent = Intent::Start(Start {
        unit: UnitId::random()?,
        business_key: format!("{}_{}_{n:06x}", attributes.script_name, at.to_key_text()),
        tenant: None,
        attributes,
        record_source: SOURCE.to_owned(),
    });
    let unit = changed(intent.judge(None)?)?;
    let Change::Start { hub, first } = unit.change.clone() else { return Err(not_so("a start made no hub")) };
    let open = Version {
        script_execution_hk: hub.script_execution_hk,
        load_date: first.load_date,
        load_end_date: None,
        hash_diff: first.hash_diff,
        attributes: first.attributes,
        record_source: first.record_source,
        tenant: hub.tenant,
        position: Position::START,
        unit: unit.id,
    };
    Ok((unit, Operation { hub, open }))
}

/// The unit that ends the `n`th operation.
///
/// # Errors
/// Gives 58030 when the operating system has no random bytes.
pub fn finish(n: u64, operation: &Operation) -> Result<Unit> {
    let duration = duration_ms(n);
    let started = operation.open.attributes.execution_timestamp;
    let intent = Intent::Finish(Finish {
        unit: UnitId::random()?,
        operation: operation.hub.script_execution_hk,
        scope: Scope::System,
        at: Timestamp::from_micros(started.as_micros() + i64::from(duration) * 1000),
        outcome: outcome(n),
        duration_ms: Some(duration),
        additions: additions(n)?,
        record_source: SOURCE.to_owned(),
    });
    changed(intent.judge(Some(operation))?)
}

fn changed(verdict: Verdict) -> Result<Unit> {
    match verdict {
        Verdict::Change(unit) => Ok(*unit),
        _ => Err(not_so("a first start or finish was judged as no change")),
    }
}

fn not_so(what: &str) -> Error {
    Error::new(ErrorKind::InvalidValue, what)
}
