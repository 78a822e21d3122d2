//! Units as statements: few, and each unit judged after those before it that it depends on.

use std::collections::HashMap;

use opledger::model::{Check, Tenant};
use opledger::store::{Change, Outcome, Put, Refusal, Removal, Unit};
use opledger::{Error, ErrorKind, Hash, Position, Result, Timestamp};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::columns::{Brought, Rows};
use crate::call::Call;
use crate::rows::column;
use crate::values::{Key, Moment, Uuid, Xid, position};

/// One statement, and which unit each place of its answer is about.
pub(super) struct Step<'a> {
    pub(super) call: Call<'a>,
    pub(super) places: Vec<Option<usize>>,
}

/// Units on operations, by tenant. No two are on one operation, but where one's version follows the other's.
type Round<'a> = Vec<(Tenant, Rows<'a>)>;

/// Where the last unit on an operation is.
#[derive(Clone, Copy)]
struct Last {
    round: usize,
    tenant: Tenant,
    row: usize,
}

/// The statements that carry out these units. Units on one operation are in one after another, but for a version that follows
/// one of the same call; a removal comes after all before it, and before all after it.
///
/// # Errors
/// Gives 22023 for a time that PostgreSQL can't hold.
pub(super) fn steps<'a>(units: &[&'a Unit]) -> Result<Vec<Step<'a>>> {
    let mut steps = Vec::new();
    let mut rounds: Vec<Round<'a>> = Vec::new();
    let mut seen: HashMap<Hash, Last> = HashMap::new();
    for (place, unit) in units.iter().enumerate() {
        let (tenant, operation, version) = match &unit.change {
            Change::Start { hub, first } => (hub.tenant, hub.script_execution_hk, first),
            Change::Append { operation, tenant, next, .. } => (*tenant, *operation, next),
            Change::Check(found) => {
                steps.push(Step { call: check(unit, found)?, places: vec![Some(place)] });
                continue;
            }
            Change::Put(next) => {
                steps.push(Step { call: put(unit, next)?, places: vec![Some(place)] });
                continue;
            }
            Change::Remove(removal) => {
                finish(&mut rounds, &mut steps)?;
                seen.clear();
                steps.push(Step { call: remove(unit, removal)?, places: vec![Some(place)] });
                continue;
            }
        };
        let brought = Brought { unit: unit.id, version, place };
        let last = seen.get(&operation).copied();
        if let (Change::Append { expect_open, .. }, Some(last)) = (&unit.change, last)
            && last.tenant == tenant
            && let Some(rows) = rounds.get_mut(last.round).and_then(|round| rows_of(round, tenant))
            && rows.follow(last.row, *expect_open, brought)
        {
            continue;
        }
        let round = last.map_or(0, |last| last.round + 1);
        if rounds.len() <= round {
            rounds.push(Vec::new());
        }
        let Some(others) = rounds.get_mut(round) else { continue };
        if rows_of(others, tenant).is_none() {
            others.push((tenant, Rows::default()));
        }
        let Some(rows) = rows_of(others, tenant) else { continue };
        let row = match &unit.change {
            Change::Start { hub, .. } => rows.start(hub, brought),
            Change::Append { expect_open, .. } => rows.append(operation, *expect_open, brought),
            _ => continue,
        };
        seen.insert(operation, Last { round, tenant, row });
    }
    finish(&mut rounds, &mut steps)?;
    Ok(steps)
}

fn rows_of<'r, 'a>(round: &'r mut Round<'a>, tenant: Tenant) -> Option<&'r mut Rows<'a>> {
    round.iter_mut().find(|(other, _)| *other == tenant).map(|(_, rows)| rows)
}

fn finish<'a>(rounds: &mut Vec<Round<'a>>, steps: &mut Vec<Step<'a>>) -> Result<()> {
    for (tenant, rows) in rounds.drain(..).flatten() {
        let (call, places) = rows.call(tenant)?;
        steps.push(Step { call, places });
    }
    Ok(())
}

const CHECK: &str = "SELECT 1::integer, CASE WHEN c THEN 'done' ELSE 'replayed' END, l.epoch, l.log_xid, l.version_number, \
    NULL::bytea FROM script_tracking.store_check($1, $2, $3, $4, $5, $6) AS c \
    LEFT JOIN LATERAL script_tracking.store_last(0, '0', 0) AS l ON true";

fn check<'a>(unit: &Unit, found: &Check) -> Result<Call<'a>> {
    let count = |count| i64::try_from(count).unwrap_or(i64::MAX);
    Ok(Call::new(CHECK)
        .with(Uuid(unit.id), Type::UUID)
        .with(Moment::stored("at", found.at)?, Type::TIMESTAMPTZ)
        .with(count(found.orphan_versions), Type::INT8)
        .with(count(found.open_versions), Type::INT8)
        .with(count(found.hash_mismatches), Type::INT8)
        .with(count(found.other), Type::INT8))
}

const PUT: &str = "SELECT 1::integer, p.outcome, l.epoch, l.log_xid, l.version_number, p.theirs \
    FROM script_tracking.store_put($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS p \
    LEFT JOIN LATERAL script_tracking.store_last(0, '0', 0) AS l ON true";

fn put<'a>(unit: &Unit, put: &'a Put) -> Result<Call<'a>> {
    document(Call::new(PUT).with(put.next.tenant.map(Key), Type::BYTEA), unit, put)
}

const REMOVE: &str = "SELECT 1::integer, p.outcome, l.epoch, l.log_xid, l.version_number, p.theirs \
    FROM script_tracking.store_remove($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) AS p \
    LEFT JOIN LATERAL script_tracking.store_last(0, '0', 0) AS l ON true";

fn remove<'a>(unit: &Unit, removal: &'a Removal) -> Result<Call<'a>> {
    let of =
        |part: fn(&(Hash, (Timestamp, Hash))) -> Hash| removal.operations.iter().map(part).map(Key).collect::<Vec<_>>();
    let load_dates: Vec<_> = removal.operations.iter().map(|(_, (at, _))| Moment::bound(*at)).collect();
    let call = Call::new(REMOVE)
        .with(removal.tenant.map(Key), Type::BYTEA)
        .with(of(|(hk, _)| *hk), Type::BYTEA_ARRAY)
        .with(load_dates, Type::TIMESTAMPTZ_ARRAY)
        .with(of(|(_, (_, hash_diff))| *hash_diff), Type::BYTEA_ARRAY);
    document(call, unit, &removal.record)
}

/// Adds what both have: the document.
fn document<'a>(call: Call<'a>, unit: &Unit, put: &'a Put) -> Result<Call<'a>> {
    let next = &put.next;
    Ok(call
        .with(Uuid(unit.id), Type::UUID)
        .with(next.kind.as_str(), Type::TEXT)
        .with(next.kind.keeps_versions(), Type::BOOL)
        .with(Key(next.key), Type::BYTEA)
        .with(Moment::stored("load_date", next.load_date)?, Type::TIMESTAMPTZ)
        .with(Key(next.hash_diff), Type::BYTEA)
        .with(next.body.as_str(), Type::TEXT)
        .with(next.record_source.as_str(), Type::TEXT)
        .with(put.expect_open.map(Key), Type::BYTEA))
}

/// What became of a unit: a row of any of the statements. A row without an epoch is of the session's, `epoch`.
pub(super) fn outcome(row: &Row, unit: &Unit, epoch: i64) -> Result<Outcome> {
    let there = || -> Result<Position> {
        Ok(match (column::<Option<Xid>>(row, 3)?, column::<Option<i64>>(row, 4)?) {
            (Some(xid), Some(number)) => position(column::<Option<i64>>(row, 2)?.unwrap_or(epoch), xid, number),
            // Nothing is in the log.
            _ => Position::START,
        })
    };
    Ok(match column::<&str>(row, 1)? {
        "done" => Outcome::Done(there()?),
        "replayed" => Outcome::Replayed(there()?),
        "conflict" => Outcome::Conflict { ours: ours(unit), theirs: column::<Option<Key>>(row, 5)?.map(|key| key.0) },
        "unknown" => Outcome::Refused(Refusal::Unknown),
        "moved" => Outcome::Refused(Refusal::Moved),
        "finished" => Outcome::Refused(Refusal::Finished),
        "not later" => Outcome::Refused(Refusal::NotLater),
        other => {
            let message = format!("the schema answered {other:?}: it is of a later version than this program");
            return Err(Error::new(ErrorKind::MissingDependency, message));
        }
    })
}

/// The place among a step's units that a row is about.
pub(super) fn place(row: &Row) -> Result<usize> {
    column::<i32>(row, 0).map(|place| usize::try_from(place).unwrap_or_default().saturating_sub(1))
}

fn ours(unit: &Unit) -> Hash {
    match &unit.change {
        Change::Start { first, .. } => first.hash_diff,
        Change::Append { next, .. } => next.hash_diff,
        Change::Put(put) => put.next.hash_diff,
        Change::Remove(removal) => removal.record.next.hash_diff,
        // A check conflicts with nothing.
        Change::Check(_) => Hash::from_bytes([0; 32]),
    }
}
