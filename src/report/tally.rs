//! What was counted of some operations.

use super::{Histogram, Ratio};
use crate::model::{Attributes, Status};

/// Counts of operations of one type in one window.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub operations: u64,
    /// Those that ended well.
    pub completed: u64,
    /// Those that ended badly.
    pub failed: u64,
    /// Finished ones with a known duration.
    pub timed: u64,
    /// The sum of their durations, in milliseconds.
    pub duration_sum: u64,
    /// The longest of them.
    pub duration_max: Option<i32>,
    /// All of them.
    pub durations: Histogram,
}

impl Tally {
    /// Counts an operation by its open version.
    pub fn add(&mut self, open: &Attributes) {
        self.count(open.execution_status, open.execution_duration_ms);
    }

    /// Counts an operation by its status and duration.
    pub fn count(&mut self, status: Status, duration_ms: Option<i32>) {
        self.operations += 1;
        match status {
            Status::Running => return,
            Status::Completed => self.completed += 1,
            Status::Failed => self.failed += 1,
        }
        if let Some(duration) = duration_ms {
            self.timed += 1;
            self.duration_sum += u64::try_from(duration).unwrap_or(0);
            self.duration_max = self.duration_max.max(Some(duration));
            self.durations.add(duration);
        }
    }

    /// Adds the counts of another.
    pub fn merge(&mut self, other: &Self) {
        self.operations += other.operations;
        self.completed += other.completed;
        self.failed += other.failed;
        self.timed += other.timed;
        self.duration_sum += other.duration_sum;
        self.duration_max = self.duration_max.max(other.duration_max);
        self.durations.merge(&other.durations);
    }

    /// The sum of several.
    pub fn total<'a>(tallies: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut total = Self::default();
        for tally in tallies {
            total.merge(tally);
        }
        total
    }

    /// Those that have ended.
    #[must_use]
    pub fn finished(&self) -> u64 {
        self.completed + self.failed
    }

    /// The share of the finished that ended well, in percent; none when nothing finished.
    #[must_use]
    pub fn success_rate(&self) -> Option<Ratio> {
        self.percent_of_finished(self.completed)
    }

    /// The share of the finished that ended badly, in percent; none when nothing finished.
    #[must_use]
    pub fn failure_rate(&self) -> Option<Ratio> {
        self.percent_of_finished(self.failed)
    }

    fn percent_of_finished(&self, part: u64) -> Option<Ratio> {
        let finished = self.finished();
        (finished > 0).then(|| Ratio::new(i128::from(part) * 100, i128::from(finished)))
    }

    /// The average duration in milliseconds; none when none is known.
    #[must_use]
    pub fn average(&self) -> Option<Ratio> {
        (self.timed > 0).then(|| Ratio::new(i128::from(self.duration_sum), i128::from(self.timed)))
    }

    /// The 95th percentile of the durations in milliseconds, by nearest rank, rounded down to 7 significant bits.
    #[must_use]
    pub fn p95(&self) -> Option<i32> {
        self.durations.p95()
    }
}
