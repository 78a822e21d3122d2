//! `opledger show`: every version of one operation, or the one known at a time.

use opledger::hash::address_text;
use opledger::{Listing, Version};
use pollster::block_on;

use crate::args::{self, Format, Global};
use crate::exit::Failure;
use crate::output::{self, Rows, Value};
use crate::store;

pub(crate) fn run(global: &Global, args: &args::Show) -> Result<u8, Failure> {
    let hk = args.hk;
    let tracker = store::open(global, "show")?;
    let Listing { mut rows, damaged } = block_on(tracker.versions(hk))?;
    if rows.is_empty() && damaged.is_empty() {
        let message = format!("there is no operation {hk} in this store; `opledger history` lists what there is");
        return Err(Failure::Usage(message));
    }
    if let (Some(time), Some(first)) = (args.as_of, rows.first().map(|version| version.load_date)) {
        rows.retain(|version| version.load_date <= time);
        rows.drain(..rows.len().saturating_sub(1));
        if rows.is_empty() {
            let message = format!("operation {hk} was not known at {time}: its first version is of {first}");
            return Err(Failure::Usage(message));
        }
    }
    match global.format {
        Format::Table => print_tables(&rows)?,
        format => output::print(format, &complete(rows))?,
    }
    Ok(output::report_damage(&damaged))
}

/// What never changes, then a line a version.
fn print_tables(versions: &[Version]) -> Result<(), Failure> {
    let Some(last) = versions.last() else { return Ok(()) };
    let own = &last.attributes;
    let mut facts = Rows::new(["field", "value"]);
    let mut fact = |name: &'static str, value: Value| {
        if value != Value::Null {
            facts.push([name.into(), value]);
        }
    };
    fact("script_execution_hk", last.script_execution_hk.into());
    fact("script_name", own.script_name.clone().into());
    fact("script_type", own.script_type.clone().into());
    fact("execution_timestamp", Value::ExactTime(own.execution_timestamp));
    fact("db_session_user", own.db_session_user.clone().into());
    fact("client_ip", own.client_ip.as_ref().map(address_text).into());
    fact("sql_command", own.sql_command.clone().into());
    fact("tenant_hk", last.tenant.into());
    output::print(Format::Table, &facts)?;
    let mut rows = Rows::new([
        "load_date",
        "load_end_date",
        "execution_status",
        "execution_duration_ms",
        "affected_objects",
        "error_message",
        "metadata",
    ]);
    for version in versions {
        let state = version.attributes.clone();
        rows.push([
            Value::ExactTime(version.load_date),
            version.load_end_date.map_or(Value::Null, Value::ExactTime),
            state.execution_status.into(),
            state.execution_duration_ms.into(),
            state.affected_objects.into(),
            state.error_message.map_or(Value::Null, Value::Lines),
            state.metadata.into(),
        ]);
    }
    output::print(Format::Table, &rows)
}

/// Every column of the satellite.
fn complete(versions: Vec<Version>) -> Rows {
    let mut rows = Rows::new([
        "script_execution_hk",
        "load_date",
        "load_end_date",
        "hash_diff",
        "script_name",
        "script_type",
        "execution_status",
        "execution_timestamp",
        "execution_duration_ms",
        "db_session_user",
        "client_ip",
        "affected_objects",
        "sql_command",
        "error_message",
        "metadata",
        "record_source",
        "tenant_hk",
    ]);
    for version in versions {
        let state = version.attributes;
        rows.push([
            version.script_execution_hk.into(),
            version.load_date.into(),
            version.load_end_date.into(),
            version.hash_diff.into(),
            state.script_name.into(),
            state.script_type.into(),
            state.execution_status.into(),
            state.execution_timestamp.into(),
            state.execution_duration_ms.into(),
            state.db_session_user.into(),
            state.client_ip.as_ref().map(address_text).into(),
            state.affected_objects.into(),
            state.sql_command.into(),
            state.error_message.into(),
            state.metadata.into(),
            version.record_source.into(),
            version.tenant.into(),
        ]);
    }
    rows
}
