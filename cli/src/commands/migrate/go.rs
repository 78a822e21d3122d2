//! `migrate up` and `migrate down`.

use opledger::migrate::{
    Direction, Event, Executor, Migration, MigrationStatus, Planned, Run, Runner, Selection, read_folder, survey,
};
use pollster::block_on;

use super::interrupt::stop_on_signals;
use super::ledger::{Ledger, mask};
use super::progress::Progress;
use crate::args::migrate::{Down, Target, Up};
use crate::args::{Format, Global};
use crate::exit::{self, Failure};
use crate::output::{self, Rows, Value};

pub(super) fn up(global: &Global, args: &Up) -> Result<u8, Failure> {
    let selection = Selection { to: args.to.clone(), out_of_order: args.out_of_order };
    go(global, &args.target, &selection, Direction::Up, args.dry_run)
}

pub(super) fn down(global: &Global, args: &Down) -> Result<u8, Failure> {
    let selection = Selection { to: args.to.clone(), out_of_order: false };
    go(global, &args.target, &selection, Direction::Down, args.dry_run)
}

fn go(
    global: &Global,
    target: &Target,
    selection: &Selection,
    direction: Direction,
    dry_run: bool,
) -> Result<u8, Failure> {
    let migrations = read_folder(&target.folder)?;
    if dry_run {
        return show_plan(global, target, &migrations, selection, direction);
    }
    let ledger = Ledger::open(global)?;
    let mut database = super::connect(target)?;
    let caught = stop_on_signals(database.interrupt())?;
    let progress = Progress::new();
    let tell = |event: &Event<'_>| progress.tell(event);
    let mut runner = Runner::new(&mut database, &ledger).lock_wait(target.lock_wait).progress(&tell).mask(&mask);
    let runs = match direction {
        Direction::Up => block_on(runner.up(&migrations, selection)),
        Direction::Down => block_on(runner.down(&migrations, selection)),
    };
    let runs = match runs {
        Ok(runs) => runs,
        Err(cause) if caught.code(exit::FOUND) != exit::FOUND => {
            exit::error(format_args!("{}", exit::describe(&cause)));
            return Ok(caught.code(exit::FOUND));
        }
        Err(cause) => return Err(cause.into()),
    };
    if runs.is_empty() && global.format == Format::Table {
        exit::note(format_args!("there is nothing to run"));
        return Ok(exit::OK);
    }
    output::print(global.format, &table(&runs))?;
    Ok(caught.code(told(&runs)))
}

/// Tells what failed; gives the exit code.
fn told(runs: &[Run]) -> u8 {
    let Some(failure) = runs.last().and_then(|run| run.failure.as_ref()) else { return exit::OK };
    exit::error(format_args!("{failure}"));
    if failure.error.is_lost { exit::UNAVAILABLE } else { exit::FOUND }
}

fn table(runs: &[Run]) -> Rows {
    let mut rows = Rows::new([
        "script_execution_hk",
        "migration_kind",
        "migration_version",
        "migration_file",
        "migration_status",
        "execution_time_ms",
        "statements",
        "error_code",
        "error_line",
        "error_details",
    ]);
    for run in runs {
        let status = match (&run.failure, run.direction) {
            (Some(_), _) => MigrationStatus::Failed,
            (None, Direction::Up) => MigrationStatus::Applied,
            (None, Direction::Down) => MigrationStatus::Reverted,
        };
        let failure = run.failure.as_ref();
        // In a table the details would be in the way: they are told on stderr.
        rows.push([
            run.operation.into(),
            run.kind.as_str().into(),
            run.version.clone().into(),
            run.file.clone().into(),
            Value::Word(status.as_str()),
            run.execution_time_ms.into(),
            count(run.statements),
            failure.and_then(|failure| failure.error.sqlstate.clone()).into(),
            failure.and_then(|failure| failure.line).map(count).into(),
            failure.map(|failure| failure.error.message.clone()).into(),
        ]);
    }
    rows
}

fn show_plan(
    global: &Global,
    target: &Target,
    migrations: &[Migration],
    selection: &Selection,
    direction: Direction,
) -> Result<u8, Failure> {
    let states = block_on(super::connect(target)?.states())?;
    let items = survey(migrations, &states);
    let planned = match direction {
        Direction::Up => selection.up(&items)?,
        Direction::Down => selection.down(&items)?,
    };
    let mut rows = Rows::new([
        "migration_kind",
        "migration_version",
        "migration_file",
        "direction",
        "statements",
        "in_transaction",
    ]);
    for Planned { migration, version, script, direction, statements } in planned {
        rows.push([
            migration.kind.as_str().into(),
            version.into(),
            script.file.clone().into(),
            direction.as_str().into(),
            count(statements),
            script.in_transaction.into(),
        ]);
    }
    if rows.rows.is_empty() && global.format == Format::Table {
        exit::note(format_args!("there is nothing to run"));
        return Ok(exit::OK);
    }
    output::print(global.format, &rows)?;
    exit::note(format_args!("nothing was run, and the server was not asked whether the SQL is right"));
    Ok(exit::OK)
}

fn count(number: usize) -> Value {
    Value::Number(number.to_string())
}
