//! What comes out: one row for each workload and subject, with ratios to the baselines of the same run.

use opledger::Error;
use serde::Serialize;

use crate::round::{Measured, Round};
use crate::statistics::{Summary, median};
use crate::subject::Subject;
use crate::workload::Workload;

/// All that was measured.
#[derive(Debug)]
pub struct Report {
    /// A row for each workload and subject that was measured at least once.
    pub rows: Vec<Row>,
    /// The load average before.
    pub load_before: Option<f64>,
    /// The load average after.
    pub load_after: Option<f64>,
    /// Whether it was stopped before its end.
    pub stopped: bool,
    /// What made it end before its end.
    pub failure: Option<Error>,
}

/// The figures of one subject under one workload.
#[derive(Debug)]
pub struct Row {
    /// What was measured.
    pub round: Round,
    /// The figure of each repetition, in the unit of the workload.
    pub figures: Vec<f64>,
    /// Bytes on disk an operation, of each repetition.
    pub bytes: Vec<f64>,
    /// The most memory of any repetition, in bytes.
    pub peak_memory: Option<u64>,
    /// What recounts found wrong.
    pub wrong: Vec<String>,
}

impl Row {
    pub(crate) fn new(round: Round) -> Self {
        Self { round, figures: Vec::new(), bytes: Vec::new(), peak_memory: None, wrong: Vec::new() }
    }

    pub(crate) fn add(&mut self, measured: Measured) {
        self.figures.push(measured.figure);
        self.bytes.extend(measured.bytes_an_operation);
        self.peak_memory = self.peak_memory.max(measured.peak_memory);
        self.wrong.extend(measured.wrong);
    }
}

/// A row as it is told: the field names are those of JSON and CSV.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// The workload's name.
    pub workload: &'static str,
    /// The subject's name.
    pub subject: String,
    /// Operations of a round.
    pub operations: u64,
    /// Threads that wrote or read.
    pub writers: usize,
    /// The median of the figures.
    pub median: f64,
    /// The smallest figure.
    pub min: f64,
    /// The largest figure.
    pub max: f64,
    /// What the figures count.
    pub unit: &'static str,
    /// How often it was measured.
    pub repetitions: usize,
    /// Bytes on disk an operation that was written, closed; the median. None in memory and on a server.
    pub bytes_per_operation: Option<f64>,
    /// The most memory that its process had, in bytes.
    pub peak_memory_bytes: Option<u64>,
    /// How many times as fast as the plain layout on the same engine.
    pub speed_to_plain: Option<f64>,
    /// How many times as fast as SQLite: behind a group commit where there are several writers.
    pub speed_to_sqlite: Option<f64>,
    /// Bytes on disk, as a part of those of the plain layout on the same engine.
    pub bytes_to_plain: Option<f64>,
    /// `ok`, or what the recount found wrong.
    pub recount: String,
}

impl Report {
    pub(crate) fn new(load_before: Option<f64>) -> Self {
        Self { rows: Vec::new(), load_before, load_after: None, stopped: false, failure: None }
    }

    /// Whether each recount found what was given.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.rows.iter().all(|row| row.wrong.is_empty())
    }

    /// All rows as they are told.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        self.rows.iter().filter_map(|row| self.line(row)).collect()
    }

    fn line(&self, row: &Row) -> Option<Line> {
        let Summary { median: middle, min, max, repetitions } = Summary::of(&row.figures)?;
        let workload = row.round.workload;
        let plain = row.round.subject.plain().and_then(|plain| self.row(workload, &plain));
        let bytes_per_operation = median(&row.bytes);
        Some(Line {
            workload: workload.name(),
            subject: row.round.subject.name(),
            operations: row.round.operations,
            writers: row.round.writers,
            median: middle,
            min,
            max,
            unit: workload.unit().as_str(),
            repetitions,
            bytes_per_operation,
            peak_memory_bytes: row.peak_memory,
            speed_to_plain: plain.and_then(|plain| speed(workload, middle, median(&plain.figures)?)),
            speed_to_sqlite: self.sqlite(row).and_then(|sqlite| speed(workload, middle, median(&sqlite.figures)?)),
            bytes_to_plain: plain.and_then(|plain| ratio(bytes_per_operation?, median(&plain.bytes)?)),
            recount: row.wrong.first().map_or_else(|| "ok".to_owned(), Clone::clone),
        })
    }

    fn row(&self, workload: Workload, subject: &Subject) -> Option<&Row> {
        self.rows.iter().find(|row| row.round.workload == workload && row.round.subject == *subject)
    }

    #[cfg(feature = "sqlite")]
    fn sqlite(&self, row: &Row) -> Option<&Row> {
        let of = |subject: &Subject| self.row(row.round.workload, subject);
        let found = of(&Subject::SqliteGrouped).or_else(|| of(&Subject::Sqlite))?;
        (row.round.subject != found.round.subject).then_some(found)
    }

    #[cfg(not(feature = "sqlite"))]
    fn sqlite(&self, _: &Row) -> Option<&Row> {
        None
    }
}

/// How many times as fast: the other way round where the figure is a time.
fn speed(workload: Workload, this: f64, that: f64) -> Option<f64> {
    if workload.unit().is_time() { ratio(that, this) } else { ratio(this, that) }
}

fn ratio(this: f64, that: f64) -> Option<f64> {
    (that > 0.0 && this.is_finite()).then(|| this / that)
}
