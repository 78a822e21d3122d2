//! Units on operations, as the arrays that `store_commit` takes.

use opledger::hash::Metadata;
use opledger::model::{Attributes, Tenant, UnitId};
use opledger::store::State;
use opledger::{Hash, Hub, Result, Status, Timestamp};
use tokio_postgres::types::{ToSql, Type};

use crate::call::Call;
use crate::values::{Key, Moment, Uuid, array_text};

const COMMIT: &str = "SELECT place, outcome, epoch, log_xid, version_number, theirs FROM script_tracking.store_commit(\
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, \
    $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34)";

const COMMIT_ONE: &str = "SELECT place, outcome, epoch, log_xid, version_number, theirs FROM script_tracking.store_commit_one(\
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)";

/// A unit: the version that it brings, and its place among all units of the commit.
#[derive(Clone, Copy)]
pub(super) struct Brought<'a> {
    pub(super) unit: UnitId,
    pub(super) version: &'a State,
    pub(super) place: usize,
}

/// A unit on an operation, and the one that follows it, if there is one.
struct Row<'a> {
    operation: Hash,
    /// Of a start.
    hub: Option<&'a Hub>,
    /// Of any other.
    expect_open: Option<(Timestamp, Hash)>,
    first: Brought<'a>,
    next: Option<Brought<'a>>,
}

/// Units on operations of one tenant, each operation once.
#[derive(Default)]
pub(super) struct Rows<'a>(Vec<Row<'a>>);

impl<'a> Rows<'a> {
    /// Adds a start; gives its row.
    pub(super) fn start(&mut self, hub: &'a Hub, first: Brought<'a>) -> usize {
        self.0.push(Row { operation: hub.script_execution_hk, hub: Some(hub), expect_open: None, first, next: None });
        self.0.len() - 1
    }

    /// Adds a version that follows a stored one; gives its row.
    pub(super) fn append(&mut self, operation: Hash, expect_open: (Timestamp, Hash), next: Brought<'a>) -> usize {
        self.0.push(Row { operation, hub: None, expect_open: Some(expect_open), first: next, next: None });
        self.0.len() - 1
    }

    /// Adds a version to the row of the one it follows, so that this one is written closed. False where it does not fit, or
    /// the row has one.
    pub(super) fn follow(&mut self, row: usize, expect_open: (Timestamp, Hash), next: Brought<'a>) -> bool {
        let Some(row) = self.0.get_mut(row).filter(|row| row.next.is_none()) else { return false };
        let (open, after) = (row.first.version, next.version);
        let named = |said: &'a Attributes| (&said.script_name, &said.script_type, said.execution_timestamp);
        let fits = expect_open == (open.load_date, open.hash_diff)
            && open.attributes.execution_status == Status::Running
            && after.load_date > open.load_date
            && named(&after.attributes) == named(&open.attributes);
        if fits {
            row.next = Some(next);
        }
        fits
    }

    /// The statement, and which unit each place of its answer is about.
    ///
    /// # Errors
    /// Gives 22023 for a time that PostgreSQL can't hold.
    pub(super) fn call(self, tenant: Tenant) -> Result<(Call<'a>, Vec<Option<usize>>)> {
        let rows = self.0;
        let firsts: Vec<_> = rows.iter().map(|row| Some(row.first)).collect();
        let nexts: Vec<_> = rows.iter().map(|row| row.next).collect();
        let places = firsts.iter().chain(&nexts).map(|unit| unit.map(|unit| unit.place)).collect();
        let is_single = rows.len() == 1 && nexts.iter().all(Option::is_none);

        let hub_load_date = |row: &Row<'a>| row.hub.map(|hub| Moment::stored("load_date", hub.load_date)).transpose();
        let started =
            |row: &Row<'a>| Moment::stored("execution_timestamp", row.first.version.attributes.execution_timestamp);
        let hub_load_dates = rows.iter().map(hub_load_date).collect::<Result<Vec<_>>>()?;
        let timestamps = rows.iter().map(started).collect::<Result<Vec<_>>>()?;

        let call = Call::new(if is_single { COMMIT_ONE } else { COMMIT }).with(tenant.map(Key), Type::BYTEA);
        let call = column(call, is_single, &rows, BYTES, |row| Key(row.operation));
        let call = column(call, is_single, &rows, TEXT, |row| row.hub.map(|hub| hub.script_execution_bk.as_str()));
        let call = values(call, is_single, hub_load_dates, TIME);
        let call = column(call, is_single, &rows, TEXT, |row| row.hub.map(|hub| hub.record_source.as_str()));
        // What no version can have had is found to be moved.
        let call = column(call, is_single, &rows, TIME, |row| row.expect_open.map(|(at, _)| Moment::bound(at)));
        let call = column(call, is_single, &rows, BYTES, |row| row.expect_open.map(|(_, hash_diff)| Key(hash_diff)));
        let call = column(call, is_single, &rows, TEXT, |row| row.first.version.attributes.script_name.as_str());
        let call = column(call, is_single, &rows, TEXT, |row| row.first.version.attributes.script_type.as_str());
        let call = values(call, is_single, timestamps, TIME);
        let call = versions(call, is_single, &firsts)?;
        Ok((if is_single { call } else { versions(call, false, &nexts)? }, places))
    }
}

/// Adds what differs from version to version of an operation.
fn versions<'a>(call: Call<'a>, is_single: bool, units: &[Option<Brought<'a>>]) -> Result<Call<'a>> {
    let load_date =
        |unit: &Option<Brought<'a>>| unit.map(|unit| Moment::stored("load_date", unit.version.load_date)).transpose();
    let load_dates = units.iter().map(load_date).collect::<Result<Vec<_>>>()?;
    let call = column(call, is_single, units, (Type::UUID, Type::UUID_ARRAY), |unit| unit.map(|unit| Uuid(unit.unit)));
    let call = values(call, is_single, load_dates, TIME);
    let call = column(call, is_single, units, BYTES, |unit| unit.map(|unit| Key(unit.version.hash_diff)));
    let call = said(call, is_single, units, TEXT, |said| Some(said.execution_status.as_str()));
    let call = said(call, is_single, units, (Type::INT4, Type::INT4_ARRAY), |said| said.execution_duration_ms);
    let call = said(call, is_single, units, TEXT, |said| said.db_session_user.as_deref());
    let call = said(call, is_single, units, (Type::INET, Type::INET_ARRAY), |said| said.client_ip);
    let call = said(call, is_single, units, TEXT, |said| said.affected_objects.as_deref().map(array_text));
    let call = said(call, is_single, units, TEXT, |said| said.sql_command.as_deref());
    let call = said(call, is_single, units, TEXT, |said| said.error_message.as_deref());
    let call = said(call, is_single, units, TEXT, |said| said.metadata.as_ref().map(Metadata::as_str));
    Ok(column(call, is_single, units, TEXT, |unit| unit.map(|unit| unit.version.record_source.as_str())))
}

const BYTES: (Type, Type) = (Type::BYTEA, Type::BYTEA_ARRAY);
const TEXT: (Type, Type) = (Type::TEXT, Type::TEXT_ARRAY);
const TIME: (Type, Type) = (Type::TIMESTAMPTZ, Type::TIMESTAMPTZ_ARRAY);

/// Adds a column of attributes; nothing where there is no unit.
fn said<'a, T: ToSql + Send + Sync + 'a>(
    call: Call<'a>,
    is_single: bool,
    units: &[Option<Brought<'a>>],
    types: (Type, Type),
    part: impl Fn(&'a Attributes) -> Option<T>,
) -> Call<'a> {
    column(call, is_single, units, types, |unit| unit.and_then(|unit| part(&unit.version.attributes)))
}

/// Adds a column of what `part` takes from each.
fn column<'a, R, T: ToSql + Send + Sync + 'a>(
    call: Call<'a>,
    is_single: bool,
    rows: &[R],
    types: (Type, Type),
    part: impl Fn(&R) -> T,
) -> Call<'a> {
    values(call, is_single, rows.iter().map(part).collect(), types)
}

/// Adds a column: its one value, or all as an array.
fn values<'a, T: ToSql + Send + Sync + 'a>(
    call: Call<'a>,
    is_single: bool,
    values: Vec<T>,
    types: (Type, Type),
) -> Call<'a> {
    if is_single { call.with(values.into_iter().next(), types.0) } else { call.with(values, types.1) }
}
