//! Rounds, in this process: what they measure, and that a recount finds what a store has lost.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::path::{Path, PathBuf};

use opledger::store::DynStore;
use opledger::{Error, ErrorKind, Result};
use opledger_bench::html;
use opledger_bench::report::{Line, Report};
use opledger_bench::round::{Measured, Round};
use opledger_bench::run::{Rounds, Settings, run};
use opledger_bench::subject::{Engine, Subject, open_embedded};
use opledger_bench::system::Machine;
use opledger_bench::workload::Workload;
use opledger_memory::MemoryStore;
use opledger_sled::Durability;
use opledger_testkit::Losing;

/// A store in memory that loses each so many commits; none at 0.
struct Here {
    loses: usize,
    /// The round at which it is stopped, or fails.
    stops_at: usize,
    fails_at: usize,
    carried_out: Vec<(String, &'static str)>,
}

impl Here {
    fn good() -> Self {
        Self { loses: 0, stops_at: 0, fails_at: 0, carried_out: Vec::new() }
    }

    fn open(&self, scheme: &str, dir: &Path, durability: Durability) -> Result<Box<dyn DynStore>> {
        match (scheme, self.loses) {
            ("memory", 0) => Ok(Box::new(MemoryStore::new())),
            ("memory", each) => Ok(Box::new(Losing::new(MemoryStore::new(), each))),
            _ => open_embedded(scheme, dir, durability),
        }
    }
}

impl Rounds for Here {
    fn carry_out(&mut self, round: &Round, dir: &Path) -> Result<Option<Measured>> {
        self.carried_out.push((round.subject.name(), round.workload.name()));
        match self.carried_out.len() {
            at if at == self.stops_at => Ok(None),
            at if at == self.fails_at => Err(Error::new(ErrorKind::DiskFull, "no room")),
            _ => round.measure(dir, &|scheme, dir, durability| self.open(scheme, dir, durability)).map(Some),
        }
    }

    fn begin(&mut self, _: &Round, at: usize, of: usize) {
        assert!((1..=of).contains(&at));
    }
}

fn settings(dir: &Path, subjects: Vec<Subject>, workloads: &[Workload], repeat: usize) -> Settings {
    let subjects: Vec<(Subject, PathBuf)> = subjects.into_iter().map(|subject| (subject, dir.to_owned())).collect();
    Settings { subjects, workloads: workloads.to_vec(), operations: 60, writers: 3, repeat }
}

fn memory() -> Subject {
    Subject::Store("memory".to_owned())
}

fn wrong(report: &Report) -> String {
    assert!(!report.is_sound());
    report.rows.iter().flat_map(|row| row.wrong.clone()).collect::<Vec<_>>().join("; ")
}

#[test]
fn a_store_that_loses_the_end_of_an_operation_is_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), vec![memory()], &[Workload::Buffered], 1);
    let report = run(&settings, &mut Here { loses: 10, ..Here::good() });
    let wrong = wrong(&report);
    assert!(wrong.contains("operations do not stand as given: number 4 should be COMPLETED"), "{wrong}");
    assert!(report.lines().iter().all(|line| line.recount == wrong), "{wrong}");
}

#[test]
fn a_store_that_loses_whole_operations_is_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path(), vec![memory()], &[Workload::History], 1);
    settings.operations = 300; // stored five times over, in batches of 512
    let wrong = wrong(&run(&settings, &mut Here { loses: 2, ..Here::good() }));
    assert!(wrong.contains("of 1500 operations 512 are missing"), "{wrong}");
}

#[test]
fn every_subject_takes_its_workloads_in_turns_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let mut subjects = vec![memory(), Subject::Store("redb".to_owned()), Subject::Plain(Engine::Redb)];
    subjects.extend(Subject::beside());
    let workloads = [Workload::BufferedWriters, Workload::Reopen, Workload::Cleanup];
    let mut here = Here::good();
    let report = run(&settings(dir.path(), subjects, &workloads, 2), &mut here);
    assert!(report.failure.is_none() && !report.stopped && report.is_sound(), "{report:?}");

    let of = |workload: &str| {
        let of = here.carried_out.iter().filter(|(_, other)| *other == workload);
        of.map(|(subject, _)| subject.as_str()).collect::<Vec<_>>()
    };
    let once = ["memory", "redb", "plain-redb", "sqlite", "sqlite-grouped", "append-file"];
    assert_eq!(of("buffered-writers"), [once, once].concat());
    assert_eq!(of("reopen"), ["redb", "plain-redb", "sqlite"].repeat(2));
    assert_eq!(of("cleanup"), ["memory", "redb", "plain-redb", "sqlite"].repeat(2));

    let lines = report.lines();
    assert_eq!(lines.len(), 13);
    for line in &lines {
        assert!(line.min <= line.median && line.median <= line.max && line.min > 0.0, "{line:?}");
        assert_eq!((line.repetitions, line.recount.as_str()), (2, "ok"), "{line:?}");
        assert_eq!(line.bytes_per_operation.is_some(), line.subject != "memory", "{line:?}");
    }
    let line = |subject: &str| lines.iter().find(|line| line.subject == subject).unwrap();
    let (ours, plain) = (line("redb"), line("plain-redb"));
    let close = |ratio: Option<f64>, of: f64| (ratio.unwrap() - of).abs() < 1e-9;
    assert!(close(ours.speed_to_plain, ours.median / plain.median));
    assert!(close(ours.speed_to_sqlite, ours.median / line("sqlite-grouped").median));
    assert!(close(ours.bytes_to_plain, ours.bytes_per_operation.unwrap() / plain.bytes_per_operation.unwrap()));
    assert_eq!(line("sqlite-grouped").speed_to_sqlite, None);
    let reopened =
        |subject: &str| lines.iter().find(|line| line.workload == "reopen" && line.subject == subject).unwrap();
    assert!(close(reopened("redb").speed_to_plain, reopened("plain-redb").median / reopened("redb").median));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_sync_is_recounted_where_it_arrived() {
    let dir = tempfile::tempdir().unwrap();
    let subjects =
        || vec![memory(), Subject::Store("fjall".to_owned()), Subject::Plain(Engine::Fjall), Subject::AppendFile];
    let report = run(&settings(dir.path(), subjects(), &[Workload::Sync], 2), &mut Here::good());
    assert!(report.failure.is_none() && report.is_sound(), "{report:?}");
    let lines = report.lines();
    let told = |line: &Line| (line.subject.clone(), line.unit, line.repetitions, line.bytes_per_operation.is_some());
    let expected = [("memory", false), ("fjall", true)]
        .map(|(subject, has_files)| (subject.to_owned(), "operations/s", 2, has_files));
    assert_eq!(lines.iter().map(told).collect::<Vec<_>>(), expected);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);

    let lost = run(&settings(dir.path(), subjects(), &[Workload::Sync], 1), &mut Here { loses: 1, ..Here::good() });
    let wrong = wrong(&lost);
    assert!(wrong.contains("missing") || wrong.contains("do not stand as given"), "{wrong}");
}

#[test]
fn what_was_finished_is_told_when_it_stops_or_fails() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), vec![memory()], &[Workload::Buffered, Workload::History], 2);
    let stopped = run(&settings, &mut Here { stops_at: 4, ..Here::good() });
    let told =
        |report: &Report| report.lines().iter().map(|line| (line.workload, line.repetitions)).collect::<Vec<_>>();
    assert!(stopped.stopped && stopped.failure.is_none());
    assert_eq!(told(&stopped), [("buffered", 2), ("history", 1)]);

    let failed = run(&settings, &mut Here { fails_at: 2, ..Here::good() });
    assert_eq!(told(&failed), [("buffered", 1)]);
    let error = failed.failure.unwrap();
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::DiskFull, "buffered on memory: no room"));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn the_page_is_well_formed_and_loads_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let subjects = vec![memory(), Subject::Store("redb".to_owned()), Subject::Plain(Engine::Redb), Subject::AppendFile];
    let report = run(&settings(dir.path(), subjects, &[Workload::Buffered, Workload::Dashboard], 1), &mut Here::good());
    let page = html::page(&report, &Machine::here());
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let parsed = roxmltree::Document::parse_with_options(&page, options).unwrap();
    let count = |name: &str| parsed.descendants().filter(|node| node.has_tag_name(name)).count();
    assert_eq!((count("svg"), count("circle"), count("tr")), (2, 7, 8));
    for name in ["script", "link", "img", "iframe", "object", "image", "use"] {
        assert_eq!(count(name), 0, "{name}");
    }
    assert!(parsed.descendants().all(|node| !node.has_attribute("href") && !node.has_attribute("src")));
    for foreign in ["http", "//", "url(", "@import"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}
