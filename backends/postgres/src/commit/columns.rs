//! Units on operations, as the arrays that `store_commit` takes.

use std::net::IpAddr;

use opledger::hash::Metadata;
use opledger::model::{Tenant, UnitId};
use opledger::store::State;
use opledger::{Hash, Hub, Result, Timestamp};
use tokio_postgres::types::{ToSql, Type};

use crate::call::Call;
use crate::values::{Key, Moment, Uuid, array_text};

const COMMIT: &str = "SELECT place, outcome, epoch, log_xid, version_number, theirs FROM script_tracking.store_commit(\
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)";

const COMMIT_ONE: &str = "SELECT place, outcome, epoch, log_xid, version_number, theirs FROM script_tracking.store_commit_one(\
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)";

/// One array a field, one place a unit.
#[derive(Default)]
pub(super) struct Columns<'a> {
    units: Vec<Uuid>,
    keys: Vec<Key>,
    business_keys: Vec<Option<&'a str>>,
    hub_load_dates: Vec<Option<Moment>>,
    hub_sources: Vec<Option<&'a str>>,
    expect_load_dates: Vec<Option<Moment>>,
    expect_hash_diffs: Vec<Option<Key>>,
    load_dates: Vec<Moment>,
    hash_diffs: Vec<Key>,
    names: Vec<&'a str>,
    types: Vec<&'a str>,
    statuses: Vec<&'static str>,
    timestamps: Vec<Moment>,
    durations: Vec<Option<i32>>,
    users: Vec<Option<&'a str>>,
    addresses: Vec<Option<IpAddr>>,
    objects: Vec<Option<String>>,
    sql_commands: Vec<Option<&'a str>>,
    error_messages: Vec<Option<&'a str>>,
    metadata: Vec<Option<&'a str>>,
    sources: Vec<&'a str>,
}

impl<'a> Columns<'a> {
    pub(super) fn start(&mut self, unit: UnitId, hub: &'a Hub, first: &'a State) -> Result<()> {
        let load_date = Moment::stored("load_date", hub.load_date)?;
        self.state(unit, hub.script_execution_hk, first)?;
        self.business_keys.push(Some(&hub.script_execution_bk));
        self.hub_load_dates.push(Some(load_date));
        self.hub_sources.push(Some(&hub.record_source));
        self.expect_load_dates.push(None);
        self.expect_hash_diffs.push(None);
        Ok(())
    }

    pub(super) fn append(
        &mut self,
        unit: UnitId,
        operation: Hash,
        (load_date, hash_diff): (Timestamp, Hash),
        next: &'a State,
    ) -> Result<()> {
        self.state(unit, operation, next)?;
        self.business_keys.push(None);
        self.hub_load_dates.push(None);
        self.hub_sources.push(None);
        // What no version can have had is found to be moved.
        self.expect_load_dates.push(Some(Moment::bound(load_date)));
        self.expect_hash_diffs.push(Some(Key(hash_diff)));
        Ok(())
    }

    fn state(&mut self, unit: UnitId, key: Hash, state: &'a State) -> Result<()> {
        let attributes = &state.attributes;
        let load_date = Moment::stored("load_date", state.load_date)?;
        let timestamp = Moment::stored("execution_timestamp", attributes.execution_timestamp)?;
        self.units.push(Uuid(unit));
        self.keys.push(Key(key));
        self.load_dates.push(load_date);
        self.hash_diffs.push(Key(state.hash_diff));
        self.names.push(&attributes.script_name);
        self.types.push(&attributes.script_type);
        self.statuses.push(attributes.execution_status.as_str());
        self.timestamps.push(timestamp);
        self.durations.push(attributes.execution_duration_ms);
        self.users.push(attributes.db_session_user.as_deref());
        self.addresses.push(attributes.client_ip);
        self.objects.push(attributes.affected_objects.as_deref().map(array_text));
        self.sql_commands.push(attributes.sql_command.as_deref());
        self.error_messages.push(attributes.error_message.as_deref());
        self.metadata.push(attributes.metadata.as_ref().map(Metadata::as_str));
        self.sources.push(&state.record_source);
        Ok(())
    }

    pub(super) fn call(self, tenant: Tenant) -> Call<'a> {
        let is_single = self.units.len() == 1;
        let call = Call::new(if is_single { COMMIT_ONE } else { COMMIT }).with(tenant.map(Key), Type::BYTEA);
        let call = column(call, is_single, self.units, (Type::UUID, Type::UUID_ARRAY));
        let call = column(call, is_single, self.keys, BYTES);
        let call = column(call, is_single, self.business_keys, TEXT);
        let call = column(call, is_single, self.hub_load_dates, TIME);
        let call = column(call, is_single, self.hub_sources, TEXT);
        let call = column(call, is_single, self.expect_load_dates, TIME);
        let call = column(call, is_single, self.expect_hash_diffs, BYTES);
        let call = column(call, is_single, self.load_dates, TIME);
        let call = column(call, is_single, self.hash_diffs, BYTES);
        let call = column(call, is_single, self.names, TEXT);
        let call = column(call, is_single, self.types, TEXT);
        let call = column(call, is_single, self.statuses, TEXT);
        let call = column(call, is_single, self.timestamps, TIME);
        let call = column(call, is_single, self.durations, (Type::INT4, Type::INT4_ARRAY));
        let call = column(call, is_single, self.users, TEXT);
        let call = column(call, is_single, self.addresses, (Type::INET, Type::INET_ARRAY));
        let call = column(call, is_single, self.objects, TEXT);
        let call = column(call, is_single, self.sql_commands, TEXT);
        let call = column(call, is_single, self.error_messages, TEXT);
        let call = column(call, is_single, self.metadata, TEXT);
        column(call, is_single, self.sources, TEXT)
    }
}

const BYTES: (Type, Type) = (Type::BYTEA, Type::BYTEA_ARRAY);
const TEXT: (Type, Type) = (Type::TEXT, Type::TEXT_ARRAY);
const TIME: (Type, Type) = (Type::TIMESTAMPTZ, Type::TIMESTAMPTZ_ARRAY);

/// Adds a column: its one value, or all as an array.
fn column<'a, T: ToSql + Send + Sync + 'a>(
    call: Call<'a>,
    is_single: bool,
    values: Vec<T>,
    types: (Type, Type),
) -> Call<'a> {
    if is_single { call.with(values.into_iter().next(), types.0) } else { call.with(values, types.1) }
}
