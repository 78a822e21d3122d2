//! `opledger dashboard`: ten figures of the last 24 hours.

use pollster::block_on;

use crate::args::{Format, Global};
use crate::exit::{self, Failure};
use crate::output::{self, Rows};
use crate::store;

pub(crate) fn run(global: &Global) -> Result<u8, Failure> {
    let tracker = store::open(global, "dashboard")?;
    // In a table it would be the same on each line, and make the others narrow.
    let dated = global.format != Format::Table;
    let mut rows = Rows::new(["metric_name", "metric_value", "metric_unit", "status", "last_updated"]);
    for row in block_on(tracker.enterprise_dashboard())? {
        rows.push([
            row.metric_name.into(),
            row.metric_value.into(),
            row.metric_unit.into(),
            row.status.into(),
            dated.then_some(row.last_updated).into(),
        ]);
    }
    output::print(global.format, &rows)?;
    Ok(exit::OK)
}
