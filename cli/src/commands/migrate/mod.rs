//! `opledger migrate`: migrations of a database, each an operation in the store.

mod baseline;
mod go;
mod import;
mod interrupt;
mod ledger;
mod progress;
mod repair;
mod status;
mod verify;

use opledger::ErrorKind;
use opledger::migrate::Executor;
use opledger_postgres::{Config, MigratedDatabase};
use pollster::block_on;

use crate::args::Global;
use crate::args::migrate::{Action, Migrate, Target};
use crate::exit::{self, Failure, describe};

pub(crate) fn run(global: &Global, args: Migrate) -> Result<u8, Failure> {
    let done = match args.action {
        Action::Status(target) => status::run(global, &target),
        Action::Up(args) => go::up(global, &args),
        Action::Down(args) => go::down(global, &args),
        Action::Verify(target) => verify::run(global, &target),
        Action::Baseline(args) => baseline::run(global, &args),
        Action::Repair(args) => repair::run(global, &args),
        Action::Import(args) => import::run(global, &args),
    };
    match done {
        // A check before anything ran found what somebody must look at.
        Err(Failure::Store(error)) if error.kind() == ErrorKind::Conflict => {
            exit::error(format_args!("{}", describe(&error)));
            Ok(exit::FOUND)
        }
        other => other,
    }
}

fn connect(target: &Target) -> Result<MigratedDatabase, Failure> {
    Ok(block_on(MigratedDatabase::connect(&Config::new(&target.database)?))?)
}

/// Operations that stayed RUNNING, as far as the store can be read.
fn leftovers(global: &Global, database: &impl Executor) -> Vec<opledger::migrate::Leftover> {
    let read = || -> Result<_, Failure> {
        let tracker = crate::store::open(global, "migrate")?;
        let found = block_on(opledger::migrate::leftovers(&tracker, &database.location()))?;
        block_on(tracker.close())?;
        Ok(found)
    };
    read().unwrap_or_else(|failure| {
        let why = match &failure {
            Failure::Store(error) => describe(error),
            Failure::Usage(message) | Failure::NoStore(message) => message.clone(),
            Failure::Output(error) => error.to_string(),
        };
        exit::warning(format_args!("operations that stayed RUNNING are not looked at: {why}"));
        Vec::new()
    })
}
