//! `opledger errors`: operations that failed, the newest first. A table leaves their metadata to `show`.

use opledger::hash::address_text;
use pollster::block_on;

use crate::args::{self, Format, Global};
use crate::exit::Failure;
use crate::output::{self, Rows, Value};
use crate::store;

pub(crate) fn run(global: &Global, args: &args::Errors) -> Result<u8, Failure> {
    let tracker = store::open(global, "errors")?;
    let listing = block_on(tracker.recent_errors(args.hours))?;
    let mut rows = Rows::new([
        "script_name",
        "error_message",
        "execution_timestamp",
        "db_session_user",
        "client_ip",
        "affected_objects",
        "metadata",
        "script_execution_hk",
    ]);
    for row in listing.rows {
        rows.push([
            row.script_name.into(),
            row.error_message.map_or(Value::Null, Value::Lines),
            row.execution_timestamp.into(),
            row.db_session_user.into(),
            row.client_ip.as_ref().map(address_text).into(),
            row.affected_objects.into(),
            row.metadata.filter(|_| global.format != Format::Table).into(),
            row.script_execution_hk.into(),
        ]);
    }
    output::print(global.format, &rows)?;
    Ok(output::report_damage(&listing.damaged))
}
