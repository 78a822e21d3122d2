//! One operation after another, each with the content of a real one: about 830 bytes for its start and its end together.

use opledger::hash::Metadata;
use opledger::intent::{Finish, Intent, Start, Verdict};
use opledger::model::UnitId;
use opledger::store::{Change, Unit};
use opledger::{Additions, Attributes, NewOperation, Operation, Outcome, Position, Scope, Status, Timestamp, Version};

const TYPES: [&str; 6] = ["BACKUP", "MAINTENANCE", "MIGRATION", "DDL_AUTO", "REPORTING", "MANUAL"];
const WORK: [&str; 4] = ["nightly_backup", "reindex_orders", "monthly_report", "load_customers"];
const SOURCE: &str = "opledger";

fn nth<T: Copy>(of: &[T], n: u64) -> Option<T> {
    let at = usize::try_from(n).unwrap_or(0) % of.len().max(1);
    of.get(at).copied()
}

fn name(n: u64) -> String {
    format!("{}_{:04}", nth(&WORK, n).unwrap_or_default(), n % 10_000)
}

/// What the `n`th operation says of itself when it starts.
#[must_use]
pub fn attributes(n: u64, at: Timestamp) -> Attributes {
    let schema = nth(&["sales", "crm", "billing"], n / 7).unwrap_or_default();
    let metadata = format!(
        r#"{{"host": "db-{:02}", "attempt": {}, "ticket": "OPS-{n}", "release": "2024.01.3", "folder": "/srv/etl/current", "queue": "night"}}"#,
        n % 40,
        n % 3 + 1
    );
    Attributes {
        script_name: name(n),
        script_type: nth(&TYPES, n / 3).unwrap_or_default().to_owned(),
        execution_status: Status::Running,
        execution_timestamp: at,
        execution_duration_ms: None,
        db_session_user: Some(format!("etl_{:02}", n % 12)),
        client_ip: None,
        affected_objects: Some(vec![Some(format!("{schema}.orders")), Some(format!("{schema}.order_lines"))]),
        sql_command: Some(format!(
            "INSERT INTO {schema}.orders_archive (order_id, customer_id, placed_on, total) SELECT order_id, customer_id, \
             placed_on, total FROM {schema}.orders WHERE placed_on < '2024-01-15' AND batch = {n} ON CONFLICT DO NOTHING"
        )),
        error_message: None,
        metadata: Some(Metadata::parse(&metadata).unwrap()),
    }
}

/// The same, as a caller of the tracker says it.
#[must_use]
pub fn new_operation(n: u64) -> NewOperation {
    let said = attributes(n, Timestamp::from_micros(0));
    let mut new = NewOperation::new(said.script_name).script_type(said.script_type);
    new = new.user(said.db_session_user.unwrap()).sql_command(said.sql_command.unwrap());
    new = said.affected_objects.unwrap().into_iter().flatten().fold(new, NewOperation::object);
    new.metadata(said.metadata.unwrap())
}

/// How the `n`th operation ends: one of 20 badly.
#[must_use]
pub fn outcome(n: u64) -> Outcome {
    if n % 20 == 7 { Outcome::Failure(Some(format!("deadlock detected in batch {n}"))) } else { Outcome::Success }
}

/// What its end adds.
#[must_use]
pub fn additions(n: u64) -> Additions {
    let metadata =
        format!(r#"{{"rows": {}, "exit_code": {}, "cpu_ms": {}}}"#, n % 5000, u8::from(n % 20 == 7), n % 900);
    Additions { metadata: Some(Metadata::parse(&metadata).unwrap()), ..Additions::default() }
}

/// How long it takes, in milliseconds: 5 to 2,000.
#[must_use]
pub fn duration_ms(n: u64) -> i32 {
    i32::try_from(5 + n.wrapping_mul(7919) % 1996).unwrap_or(5)
}

/// The unit that starts the `n`th operation at `at`, and the operation as it stands then.
#[must_use]
pub fn start(n: u64, at: Timestamp) -> (Unit, Operation) {
    let attributes = attributes(n, at);
    let intent = Intent::Start(Start {
        unit: UnitId::random().unwrap(),
        business_key: format!("{}_{}_{n:06x}", attributes.script_name, at.to_key_text()),
        tenant: None,
        attributes,
        record_source: SOURCE.to_owned(),
    });
    let Ok(Verdict::Change(unit)) = intent.judge(None) else { panic!("a start is a change") };
    let Change::Start { hub, first } = unit.change.clone() else { panic!("a start is a start") };
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
    (*unit, Operation { hub, open })
}

/// The unit that ends the `n`th operation.
#[must_use]
pub fn finish(n: u64, operation: &Operation) -> Unit {
    let duration = duration_ms(n);
    let started = operation.open.attributes.execution_timestamp;
    let intent = Intent::Finish(Finish {
        unit: UnitId::random().unwrap(),
        operation: operation.hub.script_execution_hk,
        scope: Scope::System,
        at: Timestamp::from_micros(started.as_micros() + i64::from(duration) * 1000),
        outcome: outcome(n),
        duration_ms: Some(duration),
        additions: additions(n),
        record_source: SOURCE.to_owned(),
    });
    let Ok(Verdict::Change(unit)) = intent.judge(Some(operation)) else { panic!("a first finish is a change") };
    *unit
}
