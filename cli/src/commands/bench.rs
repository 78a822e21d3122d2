//! `opledger bench`: stores side by side, beside what a user would pick instead.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, thread};

use indicatif::{ProgressBar, ProgressStyle};
use opledger_bench::process::{self, Stop};
use opledger_bench::report::Report;
use opledger_bench::round::{Measured, Round};
use opledger_bench::run::{self, Rounds, Settings};
#[cfg(feature = "postgres")]
use opledger_bench::subject::SERVER;
use opledger_bench::subject::{Engine, Subject};
use opledger_bench::workload::Workload;
use opledger_bench::{html, system};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::bench_args::Bench;
use super::bench_output;
#[cfg(feature = "postgres")]
use super::bench_server::Server;
use crate::args::Global;
use crate::exit::{self, Failure};
use crate::store::{self, OnDisk, Url};

/// A build without PostgreSQL has no server.
#[cfg(not(feature = "postgres"))]
type Server = std::convert::Infallible;

/// As a shell tells of a command that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

pub(crate) fn run(global: &Global, args: &Bench) -> Result<u8, Failure> {
    if let Some(dir) = &args.round {
        return round(dir);
    }
    let stop = Stop::default();
    stop_on_signals(stop.clone()).map_err(|cause| unusable("signals", &cause))?;
    let temporary = system::folder().map_err(|cause| unusable("a temporary folder", &cause))?;
    let mut made = Made::default();
    let (subjects, server) = subjects(args, temporary.path(), &mut made)?;
    let settings = Settings {
        subjects,
        workloads: if args.workloads.is_empty() { Workload::ALL.to_vec() } else { args.workloads.clone() },
        operations: args.operations.unwrap_or(if args.quick { 2000 } else { 20_000 }),
        writers: args.writers.into(),
        repeat: args.repeat.unwrap_or(if args.quick { 1 } else { 3 }).into(),
    };
    if settings.rounds() == 0 {
        return Err(Failure::Usage("none of the stores takes any of the workloads: memory: has no disk".to_owned()));
    }
    // Made now, so that a bench does not run in vain where it can't be.
    let html_file = args.html.as_deref().map(page).transpose()?;
    let mut rounds = Processes { stop, bar: bar()?, program: std::env::current_exe()?, server };
    let report = run::run(&settings, &mut rounds);
    rounds.bar.finish_and_clear();
    bench_output::print(global.format, &report)?;
    if let (Some(mut page), Some(file)) = (html_file, &args.html) {
        let text = html::page(&report, &system::Machine::here());
        page.write_all(text.as_bytes()).map_err(|cause| unusable(&file.display().to_string(), &cause))?;
    }
    finish(report)
}

/// What the end of a bench says to the caller.
fn finish(report: Report) -> Result<u8, Failure> {
    for row in &report.rows {
        for wrong in &row.wrong {
            let (subject, workload) = (row.round.subject.name(), row.round.workload.name());
            exit::error(format_args!("{subject} does not hold what {workload} gave it: {wrong}"));
        }
    }
    let sound = report.is_sound();
    if let Some(error) = report.failure {
        return Err(error.into());
    }
    if report.stopped {
        exit::note(format_args!("stopped; the rows above are what was finished"));
        return Ok(INTERRUPTED);
    }
    Ok(if sound { exit::OK } else { exit::FOUND })
}

fn page(file: &Path) -> Result<fs::File, Failure> {
    fs::File::create(file).map_err(|cause| unusable(&file.display().to_string(), &cause))
}

/// This process is one that measures a round.
fn round(dir: &Path) -> Result<u8, Failure> {
    let open = |scheme: &str, dir: &Path, durability| {
        let mut options = store::options("bench", std::time::Duration::ZERO);
        options.durability = durability;
        #[cfg(feature = "postgres")]
        if scheme == SERVER {
            return super::bench_server::open(dir);
        }
        let url = match scheme {
            "memory" => Url::Memory,
            "redb" => Url::Folder(OnDisk::Redb, dir.to_owned()),
            "fjall" => Url::Folder(OnDisk::Fjall, dir.to_owned()),
            _ => Url::Folder(OnDisk::Sled, dir.to_owned()),
        };
        store::open_store(&url, &options)
    };
    process::answer(io::stdin().lock(), io::stdout().lock(), dir, &open)?;
    Ok(exit::OK)
}

/// Each round in a process of its own.
struct Processes {
    stop: Stop,
    bar: ProgressBar,
    program: PathBuf,
    server: Option<Server>,
}

impl Rounds for Processes {
    fn carry_out(&mut self, round: &Round, dir: &Path) -> opledger::Result<Option<Measured>> {
        let mut command = Command::new(&self.program);
        // In a group of its own: Ctrl-C is for this process, which ends the other.
        command.args(["bench", "--round"]).arg(dir).process_group(0);
        #[cfg(feature = "postgres")]
        if let Some(server) = &self.server {
            server.tell(&mut command);
        }
        process::carry_out(round, command, &self.stop)
    }

    fn begin(&mut self, round: &Round, at: usize, of: usize) {
        self.bar.set_length(of as u64);
        self.bar.set_position(at.saturating_sub(1) as u64);
        self.bar.set_message(format!("{} on {}", round.workload.name(), round.subject.name()));
        self.bar.tick();
    }
}

/// A bar on stderr, seen on a terminal only.
fn bar() -> Result<ProgressBar, Failure> {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {msg}").map_err(io::Error::other)?;
    Ok(ProgressBar::new(0).with_style(style))
}

fn stop_on_signals(stop: Stop) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || signals.forever().for_each(|_| stop.stop()))?;
    Ok(())
}

/// What is measured, each with the folder for its ledgers.
type Subjects = Vec<(Subject, PathBuf)>;

/// The stores of the command line, or all embedded engines, and the baselines beside them: each with its folder.
fn subjects(args: &Bench, temporary: &Path, made: &mut Made) -> Result<(Subjects, Option<Server>), Failure> {
    let mut stores = Subjects::new();
    #[allow(unused_mut, reason = "without PostgreSQL there is none")]
    let mut server = None;
    for url in &args.stores {
        let (scheme, folder) = match store::parse(url)? {
            Url::Memory => ("memory", temporary.to_owned()),
            Url::Folder(engine, dir) => {
                made.claim(&dir)?;
                (scheme(engine), dir)
            }
            #[cfg(feature = "postgres")]
            Url::Server(url) => {
                if server.is_none() {
                    server = Some(Server::new(url)?);
                }
                (SERVER, temporary.to_owned())
            }
        };
        let subject = Subject::Store(scheme.to_owned());
        if stores.iter().any(|(other, _)| *other == subject) {
            return Err(Failure::Usage(format!("--store {scheme}: is given twice; a bench has one store an engine")));
        }
        stores.push((subject, folder));
    }
    if stores.is_empty() {
        let all = Engine::ALL.map(|engine| (Subject::Store(engine.name().to_owned()), temporary.to_owned()));
        stores.extend(all);
    }
    if args.no_baselines {
        return Ok((stores, server));
    }
    let plain = stores.iter().filter_map(|(store, dir)| Some((store.plain()?, dir.clone()))).collect::<Vec<_>>();
    let beside = plain.first().map_or_else(|| temporary.to_owned(), |(_, dir)| dir.clone());
    stores.extend(plain);
    stores.extend(Subject::beside().into_iter().map(|subject| (subject, beside.clone())));
    Ok((stores, server))
}

fn scheme(engine: OnDisk) -> &'static str {
    match engine {
        OnDisk::Sled => "sled",
        OnDisk::Redb => "redb",
        OnDisk::Fjall => "fjall",
    }
}

/// Folders that this command made, removed at its end.
#[derive(Debug, Default)]
struct Made(Vec<PathBuf>);

impl Made {
    /// Takes a folder for ledgers of this bench: an empty one, or a new one. A bench never writes where anything is.
    fn claim(&mut self, dir: &Path) -> Result<(), Failure> {
        let refused = |why: &str| {
            let dir = dir.display();
            Err(Failure::Usage(format!("{dir} {why}: a bench writes into empty folders only; name a new one")))
        };
        match fs::read_dir(dir).map(|mut entries| entries.next().is_none()) {
            Ok(true) => Ok(()),
            Ok(false) => refused("is not empty"),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(dir).map_err(|cause| unusable(&dir.display().to_string(), &cause))?;
                self.0.push(dir.to_owned());
                Ok(())
            }
            Err(cause) if cause.kind() == io::ErrorKind::NotADirectory => refused("is no folder"),
            Err(cause) => Err(unusable(&dir.display().to_string(), &cause)),
        }
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for dir in &self.0 {
            if let Err(cause) = fs::remove_dir(dir) {
                exit::warning(format_args!("{} can't be removed: {cause}", dir.display()));
            }
        }
    }
}

fn unusable(what: &str, cause: &io::Error) -> Failure {
    Failure::NoStore(format!("{what} can't be used: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use opledger_bench::report::Row;

    fn report(wrong: &[&str]) -> Report {
        let round = Round {
            subject: Subject::Store("sled".to_owned()),
            workload: Workload::Buffered,
            operations: 1,
            writers: 1,
        };
        let wrong = wrong.iter().map(|text| (*text).to_owned()).collect();
        let row = Row { round, figures: vec![1.0], bytes: vec![], peak_memory: None, wrong };
        Report { rows: vec![row], load_before: None, load_after: None, stopped: false, failure: None }
    }

    #[test]
    fn the_exit_code_says_how_it_ended() {
        assert_eq!(finish(report(&[])).unwrap(), exit::OK);
        assert_eq!(finish(report(&["1 operation is missing"])).unwrap(), exit::FOUND);
        assert_eq!(finish(Report { stopped: true, ..report(&[]) }).unwrap(), INTERRUPTED);
        let full = opledger::Error::new(opledger::ErrorKind::DiskFull, "no room");
        let failed = finish(Report { failure: Some(full), ..report(&[]) });
        assert_eq!(failed.unwrap_err().report(), exit::UNAVAILABLE);
    }
}
