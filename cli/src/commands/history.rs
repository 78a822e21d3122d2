//! `opledger history`: operations, the newest first.

use opledger::History;
use pollster::block_on;

use crate::args::{self, Global};
use crate::exit::Failure;
use crate::output::{self, Rows};
use crate::store;

pub(crate) fn run(global: &Global, args: args::History) -> Result<u8, Failure> {
    let tracker = store::open(global, "history")?;
    let limit = args.limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let wanted = History { days: args.days, status: args.status, script_type: args.script_type, limit };
    let listing = block_on(tracker.execution_history(&wanted))?;
    let mut rows = Rows::new([
        "script_name",
        "script_type",
        "execution_status",
        "execution_timestamp",
        "execution_duration_ms",
        "db_session_user",
        "affected_objects",
        "script_execution_hk",
    ]);
    for row in listing.rows {
        rows.push([
            row.script_name.into(),
            row.script_type.into(),
            row.execution_status.into(),
            row.execution_timestamp.into(),
            row.execution_duration_ms.into(),
            row.db_session_user.into(),
            row.affected_objects.into(),
            row.script_execution_hk.into(),
        ]);
    }
    output::print(global.format, &rows)?;
    Ok(output::report_damage(&listing.damaged))
}
