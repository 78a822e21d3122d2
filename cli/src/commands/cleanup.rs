//! `opledger cleanup`: retention.

use pollster::block_on;

use crate::args::{self, Global};
use crate::exit::{self, Failure};
use crate::output::{self, Rows};
use crate::store;

pub(crate) fn run(global: &Global, args: &args::Cleanup) -> Result<u8, Failure> {
    let tracker = store::open(global, "cleanup")?;
    let operations = if args.dry_run {
        block_on(tracker.preview_cleanup(args.retention_days))?.operations
    } else {
        block_on(tracker.cleanup_old_data(args.retention_days))?.operations
    };
    block_on(tracker.close())?;
    let mut rows = Rows::new(["operations", "dry_run"]);
    rows.push([operations.into(), args.dry_run.into()]);
    output::print(global.format, &rows)?;
    Ok(exit::OK)
}
