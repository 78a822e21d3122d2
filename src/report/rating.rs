//! Words for figures. All compare exact values, before rounding.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Ratio, Tally};

/// How good a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rating {
    /// As good as it gets.
    Excellent,
    /// Good.
    Good,
    /// A count without judgement.
    Normal,
    /// Look at it.
    Warning,
    /// Act on it.
    Poor,
    /// There is no figure.
    NoData,
}

impl Rating {
    /// The word in reports: `EXCELLENT`, `GOOD`, `NORMAL`, `WARNING`, `POOR` or `NO_DATA`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Excellent => "EXCELLENT",
            Self::Good => "GOOD",
            Self::Normal => "NORMAL",
            Self::Warning => "WARNING",
            Self::Poor => "POOR",
            Self::NoData => "NO_DATA",
        }
    }

    /// Of a success rate in percent: above 95, above 90, above 80, or less.
    pub(super) fn of_success(rate: Ratio) -> Self {
        match rate {
            r if r > Ratio::from(95) => Self::Excellent,
            r if r > Ratio::from(90) => Self::Good,
            r if r > Ratio::from(80) => Self::Warning,
            _ => Self::Poor,
        }
    }

    /// Of a duration in milliseconds: below 10, below 500, below 1000, or more.
    pub(super) fn of_duration(duration: Ratio) -> Self {
        match duration {
            d if d < Ratio::from(10) => Self::Excellent,
            d if d < Ratio::from(500) => Self::Good,
            d if d < Ratio::from(1000) => Self::Warning,
            _ => Self::Poor,
        }
    }

    /// Of a category: success rate and average together. Where no duration is known, the success rate decides.
    pub(super) fn of_performance(tally: &Tally) -> Self {
        let Some(success) = tally.success_rate() else { return Self::NoData };
        let average = tally.average().unwrap_or(Ratio::from(0));
        [(95, 100, Self::Excellent), (90, 500, Self::Good), (80, 1000, Self::Warning)]
            .into_iter()
            .find(|(above, below, _)| success > Ratio::from(*above) && average < Ratio::from(*below))
            .map_or(Self::Poor, |(_, _, rating)| rating)
    }
}

impl fmt::Display for Rating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Rating {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
