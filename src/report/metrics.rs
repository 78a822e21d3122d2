//! Performance metrics: five figures a category, each beside its value of the 24 hours before.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Decimal, Rating, Ratio, Tally};
use crate::store::Activity;

/// Where a figure is going.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trend {
    /// More than 5 % above the earlier value.
    Up,
    /// More than 5 % below it.
    Down,
    /// Within 5 % of it.
    Stable,
    /// There was none.
    New,
    /// There is none now.
    NoData,
}

impl Trend {
    /// The word in reports: `UP`, `DOWN`, `STABLE`, `NEW` or `NO_DATA`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "UP",
            Self::Down => "DOWN",
            Self::Stable => "STABLE",
            Self::New => "NEW",
            Self::NoData => "NO_DATA",
        }
    }

    fn between(earlier: Option<Ratio>, now: Option<Ratio>) -> Self {
        match (earlier, now) {
            (_, None) => Self::NoData,
            (None, Some(_)) => Self::New,
            (Some(earlier), Some(now)) if now > earlier.times(105, 100) => Self::Up,
            (Some(earlier), Some(now)) if now < earlier.times(95, 100) => Self::Down,
            _ => Self::Stable,
        }
    }
}

impl fmt::Display for Trend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Trend {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One figure of one category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MetricRow {
    /// `OVERALL`, or a script type.
    pub metric_category: String,
    /// Which figure.
    pub metric_name: &'static str,
    /// The figure; none where there is nothing to count from.
    pub current_value: Option<Decimal>,
    /// Compared with the 24 hours before.
    pub trend_direction: Trend,
    /// The rating of the category.
    pub performance_rating: Rating,
}

/// Makes the metrics from what was counted: OVERALL, then each type seen in the window, in byte order.
#[must_use]
pub fn metrics(activity: &Activity) -> Vec<MetricRow> {
    let nothing = Tally::default();
    let overall = (Tally::total(activity.last.values()), Tally::total(activity.before.values()));
    let mut rows = category("OVERALL", &overall.0, &overall.1);
    for (script_type, now) in &activity.last {
        rows.extend(category(script_type, now, activity.before.get(script_type).unwrap_or(&nothing)));
    }
    rows
}

fn category(name: &str, now: &Tally, earlier: &Tally) -> Vec<MetricRow> {
    let rating = Rating::of_performance(now);
    let whole = |value: Option<i32>| value.map(|value| Ratio::new(i128::from(value), 1));
    // For a count, an earlier zero is as good as no earlier value.
    let operations_before = (earlier.operations > 0).then(|| Ratio::from(earlier.operations));
    let figures = [
        ("operations_24h", operations_before, Some(Ratio::from(now.operations))),
        ("success_rate_24h", earlier.success_rate(), now.success_rate()),
        ("avg_duration_ms_24h", earlier.average(), now.average()),
        ("p95_duration_ms_24h", whole(earlier.p95()), whole(now.p95())),
        ("max_duration_ms_24h", whole(earlier.duration_max), whole(now.duration_max)),
    ];
    figures
        .into_iter()
        .map(|(metric_name, earlier, now)| MetricRow {
            metric_category: name.to_owned(),
            metric_name,
            current_value: now.map(Ratio::round),
            trend_direction: Trend::between(earlier, now),
            performance_rating: rating,
        })
        .collect()
}
