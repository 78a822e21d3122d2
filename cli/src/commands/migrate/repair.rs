//! `migrate repair`: what failed or interrupted runs left.

use opledger::migrate::{Executor, Runner, leftovers, read_folder};
use pollster::block_on;

use super::ledger::mask;
use crate::args::migrate::Repair;
use crate::args::{Format, Global};
use crate::exit::{self, Failure};
use crate::output::{self, Rows, Value};
use crate::store;

pub(super) fn run(global: &Global, args: &Repair) -> Result<u8, Failure> {
    let migrations = read_folder(&args.target.folder)?;
    // Not through the inbox: what is ended must have been read.
    let tracker = store::open_at(&store::url(global)?, global, &store::options("migrate repair", global.wait))?;
    let mut database = super::connect(&args.target)?;
    let leftovers = block_on(leftovers(&tracker, &database.location()))?;
    let mut runner = Runner::new(&mut database, &tracker).lock_wait(args.target.lock_wait).mask(&mask);
    let done = block_on(runner.repair(&migrations, &args.accept, &leftovers))?;
    block_on(tracker.close())?;
    if done.is_empty() && global.format == Format::Table {
        exit::note(format_args!("there is nothing to repair"));
        return Ok(exit::OK);
    }
    let mut rows = Rows::new(["repaired", "status", "details"]);
    for repaired in done {
        rows.push([repaired.what.into(), Value::Word(repaired.status), repaired.details.into()]);
    }
    output::print(global.format, &rows)?;
    Ok(exit::OK)
}
