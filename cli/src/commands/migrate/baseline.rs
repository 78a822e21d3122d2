//! `migrate baseline`: what a database has already.

use opledger::migrate::{MigrationStatus, Runner, read_folder};
use pollster::block_on;

use super::ledger::{Ledger, mask};
use crate::args::Global;
use crate::args::migrate::Baseline;
use crate::exit::{self, Failure};
use crate::output::{self, Rows, Value};

pub(super) fn run(global: &Global, args: &Baseline) -> Result<u8, Failure> {
    let migrations = read_folder(&args.target.folder)?;
    let ledger = Ledger::open(global)?;
    let mut database = super::connect(&args.target)?;
    let mut runner = Runner::new(&mut database, &ledger).lock_wait(args.target.lock_wait).mask(&mask);
    let versions = block_on(runner.baseline(&migrations, &args.version))?;
    let mut rows = Rows::new(["migration_version", "migration_status"]);
    for version in versions {
        rows.push([version.into(), Value::Word(MigrationStatus::Baseline.as_str())]);
    }
    output::print(global.format, &rows)?;
    Ok(exit::OK)
}
