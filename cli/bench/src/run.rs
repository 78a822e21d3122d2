//! All rounds of a bench, in turns: for each workload, each repetition, each subject, so that what the machine does
//! meanwhile meets them all alike.

use std::path::{Path, PathBuf};

use opledger::{Error, Result};

use crate::failure::io;
use crate::report::{Report, Row};
use crate::round::{Measured, Round};
use crate::subject::Subject;
use crate::system;
use crate::workload::Workload;

/// What is to be measured, and how often.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What to measure on, each with the folder that its ledgers are made in.
    pub subjects: Vec<(Subject, PathBuf)>,
    /// What to measure.
    pub workloads: Vec<Workload>,
    /// How many operations a round has; see [`Workload::operations`].
    pub operations: u64,
    /// How many threads write where several do.
    pub writers: usize,
    /// How often each is measured.
    pub repeat: usize,
}

impl Settings {
    /// How many rounds that makes.
    #[must_use]
    pub fn rounds(&self) -> usize {
        let takers = self.workloads.iter().map(|workload| taking(self, *workload).count());
        self.repeat * takers.sum::<usize>()
    }
}

/// How a round is carried out and watched.
pub trait Rounds {
    /// Carries out a round in the folder `dir`; none when the bench was stopped.
    ///
    /// # Errors
    /// Gives what the store or the engine says.
    fn carry_out(&mut self, round: &Round, dir: &Path) -> Result<Option<Measured>>;

    /// Tells that a round begins: the how manieth of how many.
    fn begin(&mut self, round: &Round, at: usize, of: usize);
}

/// Measures all, and gives what was measured up to the end, the first error, or the stop.
pub fn run(settings: &Settings, rounds: &mut impl Rounds) -> Report {
    let mut report = Report::new(system::load());
    let stopped = all(settings, rounds, &mut report);
    match stopped {
        Ok(finished) => report.stopped = !finished,
        Err(error) => report.failure = Some(error),
    }
    report.rows.retain(|row| !row.figures.is_empty());
    report.load_after = system::load();
    report
}

fn all(settings: &Settings, rounds: &mut impl Rounds, report: &mut Report) -> Result<bool> {
    let mut folders = Folders::default();
    let of = settings.rounds();
    let mut at = 0;
    for workload in &settings.workloads {
        let first = report.rows.len();
        for (subject, _) in taking(settings, *workload) {
            report.rows.push(Row::new(round(settings, subject, *workload)));
        }
        for _ in 0..settings.repeat {
            for (row, (subject, base)) in (first..).zip(taking(settings, *workload)) {
                let round = round(settings, subject, *workload);
                at += 1;
                rounds.begin(&round, at, of);
                let dir = folders.dir(&round, base)?;
                let measured = rounds.carry_out(&round, &dir).map_err(|error| at_round(error, &round));
                if !workload.leaves_store_as_it_was() {
                    folders.remove(&dir)?;
                }
                let Some(measured) = measured? else { return Ok(false) };
                if let Some(row) = report.rows.get_mut(row) {
                    row.add(measured);
                }
            }
        }
    }
    Ok(true)
}

fn at_round(error: Error, round: &Round) -> Error {
    Error::new(error.kind(), format!("{} on {}: {}", round.workload.name(), round.subject.name(), error.message()))
}

fn taking(settings: &Settings, workload: Workload) -> impl Iterator<Item = &(Subject, PathBuf)> {
    settings.subjects.iter().filter(move |(subject, _)| subject.takes(workload))
}

fn round(settings: &Settings, subject: &Subject, workload: Workload) -> Round {
    Round {
        subject: subject.clone(),
        workload,
        operations: workload.operations(settings.operations),
        writers: workload.writers(settings.writers),
    }
}

/// The folders of ledgers, removed at the end.
#[derive(Debug, Default)]
struct Folders(Vec<PathBuf>);

impl Folders {
    /// A folder of its own for each round; one for all rounds that read the same stored month.
    fn dir(&mut self, round: &Round, base: &Path) -> Result<PathBuf> {
        let kind = if round.workload.leaves_store_as_it_was() { "stored" } else { "round" };
        let dir = base.join(format!("{kind}-{}", round.subject.name()));
        if !self.0.contains(&dir) {
            std::fs::create_dir_all(&dir).map_err(io("make", &dir))?;
            self.0.push(dir.clone());
        }
        Ok(dir)
    }

    fn remove(&mut self, dir: &Path) -> Result<()> {
        self.0.retain(|made| made != dir);
        std::fs::remove_dir_all(dir).map_err(io("remove", dir))
    }
}

impl Drop for Folders {
    fn drop(&mut self) {
        for dir in &self.0 {
            // What can't be removed is told by the command, which looks at what is left.
            let _ = std::fs::remove_dir_all(dir);
        }
    }
}
