//! `opledger health`: the state of the system; exits 1 when something is POOR.

use opledger::report::Rating;
use pollster::block_on;

use crate::args::{Format, Global};
use crate::exit::{self, Failure};
use crate::output::{self, Rows};
use crate::store;

pub(crate) fn run(global: &Global) -> Result<u8, Failure> {
    let tracker = store::open(global, "health")?;
    // In a table the sentence says it where it differs.
    let dated = global.format != Format::Table;
    let mut rows = Rows::new(["health_category", "health_metric", "current_status", "details", "last_checked"]);
    let mut code = exit::OK;
    for row in block_on(tracker.system_health())? {
        if row.current_status == Rating::Poor {
            code = exit::FOUND;
        }
        rows.push([
            row.health_category.into(),
            row.health_metric.into(),
            row.current_status.into(),
            row.details.into(),
            dated.then_some(row.last_checked).into(),
        ]);
    }
    output::print(global.format, &rows)?;
    Ok(code)
}
