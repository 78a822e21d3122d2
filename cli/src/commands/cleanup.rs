//! `opledger cleanup`: retention.

use opledger::sync::Retention;
use pollster::block_on;

use crate::args::{self, Global};
use crate::exit::{self, Failure};
use crate::output::{self, Rows};
use crate::store;

pub(crate) fn run(global: &Global, args: &args::Cleanup) -> Result<u8, Failure> {
    let tracker = store::open(global, "cleanup")?;
    let retention = Retention { days: args.retention_days, even_unsynced: args.even_unsynced };
    let (operations, waiting) = if args.dry_run {
        let preview = block_on(tracker.preview(retention))?;
        (preview.operations, preview.waiting)
    } else {
        let done = block_on(tracker.cleanup(retention))?;
        (done.operations, done.waiting)
    };
    block_on(tracker.close())?;
    if waiting > 0 {
        exit::note(format_args!("{waiting} operations are old enough to go, but wait for a sync"));
    }
    let mut rows = Rows::new(["operations", "dry_run"]);
    rows.push([operations.into(), args.dry_run.into()]);
    output::print(global.format, &rows)?;
    Ok(exit::OK)
}
