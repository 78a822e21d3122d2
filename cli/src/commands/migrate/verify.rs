//! `migrate verify`: whether the files are those that were run.

use opledger::migrate::{Executor, findings, read_folder, survey};
use pollster::block_on;

use crate::args::migrate::Target;
use crate::args::{Format, Global};
use crate::exit::{self, Failure};
use crate::output::{self, Rows, Value};

pub(super) fn run(global: &Global, target: &Target) -> Result<u8, Failure> {
    let migrations = read_folder(&target.folder)?;
    let states = block_on(super::connect(target)?.states())?;
    let items = survey(&migrations, &states);
    let found = findings(&items);
    let mut rows = Rows::new(["migration_version", "migration_file", "migration_status", "details"]);
    for item in &found {
        rows.push([
            item.version.clone().into(),
            item.name().to_owned().into(),
            Value::Word(item.condition.as_str()),
            item.advice().into(),
        ]);
    }
    if found.is_empty() {
        if global.format != Format::Table {
            output::print(global.format, &rows)?;
        }
        exit::note(format_args!("{} versions are as they should be", items.len()));
        return Ok(exit::OK);
    }
    output::print(global.format, &rows)?;
    Ok(exit::FOUND)
}
