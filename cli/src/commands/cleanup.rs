//! `opledger cleanup`: retention.

use std::path::Path;

use opledger::sync::Retention;
use pollster::block_on;

use crate::args::{self, Global};
use crate::exit::{self, Failure};
use crate::output::{self, Rows};
use crate::store::{self, OnDisk, Url};

pub(crate) fn run(global: &Global, args: &args::Cleanup) -> Result<u8, Failure> {
    let folder = match store::url(global)? {
        Url::Folder(engine, dir) if !args.dry_run => Some((engine, dir)),
        _ => None,
    };
    let before = folder.as_ref().and_then(|(_, dir)| size(dir));
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
    if let (Some((engine, dir)), Some(before), 1..) = (&folder, before, operations)
        && let Some(after) = size(dir)
    {
        let given = format!("the store takes {} MB on disk; before it were {} MB", megabytes(after), megabytes(before));
        match engine {
            OnDisk::Sled => exit::note(format_args!("{given}. sled keeps the room of what goes for what comes")),
            OnDisk::Redb | OnDisk::Fjall => exit::note(format_args!("{given}")),
        }
    }
    if waiting > 0 {
        exit::note(format_args!("{waiting} operations are old enough to go, but wait for a sync"));
    }
    let mut rows = Rows::new(["operations", "dry_run"]);
    rows.push([operations.into(), args.dry_run.into()]);
    output::print(global.format, &rows)?;
    Ok(exit::OK)
}

/// What a store's files take; none where they can't be looked at, which opening it tells better.
fn size(dir: &Path) -> Option<u64> {
    opledger_embedded::disk::size_of(dir).ok()
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{}", bytes / 1_000_000, bytes / 100_000 % 10)
}
