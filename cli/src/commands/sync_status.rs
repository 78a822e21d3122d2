//! `opledger sync --status`: how far each sync got, what waits, conflicts and gaps.

use opledger::sync::{Conflict, Gap, Side, Status};
use pollster::block_on;
use serde_json::json;

use crate::args::{Format, Global};
use crate::exit::{self, Failure};
use crate::output::{self, Rows, Value};
use crate::store;

const COLUMNS: [&str; 13] = [
    "direction",
    "agent",
    "agent_store",
    "server_store",
    "position",
    "versions",
    "last_sync",
    "clock_ahead_us",
    "clock_round_trip_us",
    "waiting_versions",
    "waiting_since",
    "conflicts",
    "gaps",
];

pub(crate) fn run(global: &Global) -> Result<u8, Failure> {
    let tracker = store::open(global, "sync")?;
    let status = block_on(tracker.sync_status())?;
    block_on(tracker.close())?;
    for damage in &status.damaged {
        exit::warning(format_args!("{}: {}", damage.record, damage.reason));
    }
    if status.peers.is_empty() {
        exit::note(format_args!("no sync was set up, and none was taken over"));
    }
    let table = global.format == Format::Table;
    let mut rows = peers(&status, table);
    if !table {
        rows.columns.extend(["conflict_details", "gap_details"]);
        let conflicts = serde_json::Value::from_iter(status.shown_conflicts.iter().map(conflict)).to_string();
        let gaps = serde_json::Value::from_iter(status.shown_gaps.iter().map(gap)).to_string();
        for row in &mut rows.rows {
            row.extend([Value::Json(conflicts.clone()), Value::Json(gaps.clone())]);
        }
    }
    output::print(global.format, &rows)?;
    if table && !status.shown_conflicts.is_empty() {
        output::print(Format::Table, &conflicts(&status))?;
    }
    if table && !status.shown_gaps.is_empty() {
        output::print(Format::Table, &gaps(&status))?;
    }
    Ok(exit::OK)
}

fn peers(status: &Status, table: bool) -> Rows {
    let mut rows = Rows::new(COLUMNS);
    for peer in &status.peers {
        let mark = &peer.mark;
        let sends = mark.side == Side::Sender;
        let waiting = status.waiting.filter(|_| sends);
        // In JSON a number stays a number; how many were not counted, a table says.
        let count = waiting.map(|waiting| match waiting.more && table {
            true => Value::Text(format!("over {}", waiting.versions)),
            false => waiting.versions.into(),
        });
        rows.push([
            if sends { "to" } else { "from" }.into(),
            mark.agent.clone().into(),
            mark.agent_store.clone().into(),
            mark.server_store.clone().map_or(Value::Null, Value::Text),
            mark.position.to_string().into(),
            mark.versions.into(),
            mark.synced_at.into(),
            mark.clock.map_or(Value::Null, |clock| Value::Number(clock.ahead_us.to_string())),
            mark.clock.map_or(Value::Null, |clock| clock.round_trip_us.into()),
            count.unwrap_or(Value::Null),
            waiting.and_then(|waiting| waiting.oldest).into(),
            status.conflicts.into(),
            status.gaps.into(),
        ]);
    }
    rows
}

fn conflict(conflict: &Conflict) -> serde_json::Value {
    let text = |value: Option<String>| value.map_or(serde_json::Value::Null, serde_json::Value::from);
    json!({
        "agent": conflict.agent,
        "script_execution_hk": text(conflict.operation.map(|hk| hk.to_string())),
        "load_date": text(conflict.load_date.map(|at| at.to_string())),
        "position": text(conflict.position.map(|position| position.to_string())),
        "ours": text(conflict.ours.map(|hash| hash.to_string())),
        "theirs": text(conflict.theirs.map(|hash| hash.to_string())),
        "reason": conflict.reason,
    })
}

fn gap(gap: &Gap) -> serde_json::Value {
    let text = |value: Option<String>| value.map_or(serde_json::Value::Null, serde_json::Value::from);
    json!({
        "cause": gap.cause,
        "operations": gap.operations,
        "completed": gap.completed,
        "failed": gap.failed,
        "running": gap.running,
        "versions": gap.versions,
        "from": text(gap.from.map(|at| at.to_string())),
        "until": text(gap.until.map(|at| at.to_string())),
    })
}

fn conflicts(status: &Status) -> Rows {
    let mut rows = Rows::new(["conflict_of", "script_execution_hk", "load_date", "ours", "theirs", "reason"]);
    for conflict in &status.shown_conflicts {
        let key = |hash: Option<opledger::Hash>| hash.map_or(Value::Null, Value::Key);
        rows.push([
            conflict.agent.clone().into(),
            key(conflict.operation),
            conflict.load_date.into(),
            key(conflict.ours),
            key(conflict.theirs),
            conflict.reason.clone().into(),
        ]);
    }
    rows
}

fn gaps(status: &Status) -> Rows {
    let mut rows = Rows::new(["gap", "operations", "completed", "failed", "running", "versions", "from", "until"]);
    for gap in &status.shown_gaps {
        rows.push([
            format!("{:?}", gap.cause).to_lowercase().into(),
            gap.operations.into(),
            gap.completed.into(),
            gap.failed.into(),
            gap.running.into(),
            gap.versions.into(),
            gap.from.into(),
            gap.until.into(),
        ]);
    }
    rows
}
