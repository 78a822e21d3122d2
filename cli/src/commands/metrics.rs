//! `opledger metrics`: figures by type, with trend and rating.

use pollster::block_on;

use crate::args::Global;
use crate::exit::{self, Failure};
use crate::output::{self, Rows};
use crate::store;

pub(crate) fn run(global: &Global) -> Result<u8, Failure> {
    let tracker = store::open(global, "metrics")?;
    let columns = ["metric_category", "metric_name", "current_value", "trend_direction", "performance_rating"];
    let mut rows = Rows::new(columns);
    for row in block_on(tracker.performance_metrics())? {
        rows.push([
            row.metric_category.into(),
            row.metric_name.into(),
            row.current_value.into(),
            row.trend_direction.into(),
            row.performance_rating.into(),
        ]);
    }
    output::print(global.format, &rows)?;
    Ok(exit::OK)
}
