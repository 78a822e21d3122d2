//! `migrate import`: the history of another tool.

use opledger::migrate::{Runner, read_folder};
use pollster::block_on;

use super::ledger::{Ledger, mask};
use crate::args::Global;
use crate::args::migrate::Import;
use crate::exit::{self, Failure};
use crate::output::{self, Rows, Value};

pub(super) fn run(global: &Global, args: &Import) -> Result<u8, Failure> {
    let migrations = read_folder(&args.target.folder)?;
    let ledger = Ledger::open(global)?;
    let mut database = super::connect(&args.target)?;
    let mut runner = Runner::new(&mut database, &ledger).lock_wait(args.target.lock_wait).mask(&mask);
    let imported = block_on(runner.import(&migrations, args.from.as_deref(), args.dry_run))?;
    let mut rows = Rows::new(["migration_version", "migration_file", "migration_status", "details"]);
    for entry in imported {
        let status = entry.status.map_or("NOT_IMPORTED", |status| status.as_str());
        rows.push([
            entry.version.into(),
            entry.file.into(),
            Value::Word(status),
            entry.details.map_or(Value::Null, Value::Name),
        ]);
    }
    output::print(global.format, &rows)?;
    if args.dry_run {
        exit::note(format_args!("nothing was changed"));
    }
    Ok(exit::OK)
}
