//! Reports: figures counted from a store, and what they mean. No input or output here, only arithmetic.

mod activity;
mod dashboard;
mod decimal;
mod health;
mod histogram;
mod metrics;
mod rating;
mod sync;
mod tally;

pub(crate) use activity::compute;
pub use dashboard::{DashboardRow, dashboard};
pub use decimal::{Decimal, Ratio};
pub use health::{HealthFacts, HealthRow, health};
pub use histogram::{Histogram, rounded_down};
pub use metrics::{MetricRow, Trend, metrics};
pub use rating::Rating;
pub use sync::SyncFacts;
pub use tally::Tally;

use std::time::Duration;

/// The window of the dashboard, the metrics and the health report.
pub const DAY: Duration = Duration::from_secs(86_400);
