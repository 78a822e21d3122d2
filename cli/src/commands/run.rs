//! `opledger run`: a real command, from its beginning to its end.

use opledger::intent::{Additions, Finish, Intent, Outcome, Start};
use opledger::model::UnitId;
use opledger::{Clock, Error, ErrorKind, Hash, Scope, SystemClock, hash_key};
use opledger_child::{Command, Ended, Masker, Prepared, Report};

use super::change::{self, Beginning};
use super::run_facts::{self, Facts};
use crate::args::{self, Global};
use crate::exit::{self, Failure, describe};
use crate::sink::Sink;
use crate::store;
use crate::who;

/// The largest metadata at the start: what is added at the end must fit too.
const LARGEST_METADATA: usize = (1 << 20) - 4096;
/// What a shell says when a command can't be executed.
const NOT_EXECUTABLE: u8 = 126;

pub(crate) fn run(global: &Global, args: args::Run) -> Result<u8, Failure> {
    let masker = Masker::from_argv(&args.argv);
    let facts = Facts::at_start(&masker);
    let start = beginning(global, &args, &masker, &facts)?;
    let hk = hash_key(&start.business_key);
    let intent = Intent::Start(start);
    intent.judge(None)?;

    let prepared = match opledger_child::prepare() {
        Ok(prepared) => prepared,
        Err(error) => {
            exit::error(format_args!("signal handlers can't be installed, so nothing was run: {error}"));
            return Ok(NOT_EXECUTABLE);
        }
    };
    let sink = match record_start(global, &intent) {
        Ok(sink) => Some(sink),
        Err(failure) if args.strict || matches!(failure, Failure::Usage(_)) => return Err(failure),
        Err(failure) => {
            exit::warning(format_args!("the command runs, but is not recorded: {}", words(&failure)));
            None
        }
    };

    let mut command = Command { argv: args.argv, ..Command::default() };
    if sink.is_some() {
        command.env.push(("OPLEDGER_OPERATION".into(), hk.to_string().into()));
    }
    let (report, code) = execute(prepared, &command, &masker);
    if let Some(sink) = sink {
        let recorded =
            finish(hk, store::scope(global.tenant), &masker, facts, &report).and_then(|intent| sink.put(&intent));
        if let Err(error) = recorded {
            let error = describe(&error);
            exit::warning(format_args!("the end of operation {hk} is not recorded, it stays RUNNING: {error}"));
        }
    }
    Ok(code)
}

fn beginning(global: &Global, args: &args::Run, masker: &Masker, facts: &Facts) -> opledger::Result<Start> {
    let line = run_facts::command_line(&masker.argv());
    let metadata = change::metadata(masker, &args.meta)?.merge(&facts.metadata()?)?;
    if metadata.as_str().len() > LARGEST_METADATA {
        let message = format!("metadata is {} bytes long; the limit is {LARGEST_METADATA}", metadata.as_str().len());
        return Err(Error::new(ErrorKind::TooLong, message));
    }
    let beginning = Beginning {
        name: args.name.as_ref().map_or_else(|| run_facts::name(&line), |name| masker.text(name)),
        script_type: args.script_type.clone(),
        objects: args.objects.iter().map(|object| masker.text(object)).collect(),
        sql_command: Some(line),
        metadata: Some(metadata),
    };
    change::start(global.tenant, beginning)
}

fn record_start(global: &Global, intent: &Intent) -> Result<Sink, Failure> {
    let sink = Sink::at(&store::url(global)?, global.tenant);
    sink.put(intent)?;
    Ok(sink)
}

/// Runs the command. Where that is not even possible, the report says so.
fn execute(prepared: Prepared, command: &Command, masker: &Masker) -> (Result<Report, String>, u8) {
    match opledger_child::run(prepared, command) {
        Ok(report) => {
            let program = masker.argv().into_iter().next().unwrap_or_default();
            match &report.ended {
                Ended::NotFound => exit::error(format_args!("{program}: command not found")),
                Ended::NotExecutable(error) => exit::error(format_args!("{program}: {error}")),
                Ended::Exited(_) | Ended::Signaled(_) => {}
            }
            let code = u8::try_from(report.ended.exit_code() & 0xff).unwrap_or(exit::FOUND);
            (Ok(report), code)
        }
        Err(error) => {
            exit::error(format_args!("the command could not be run to its end: {error}"));
            (Err(error.to_string()), NOT_EXECUTABLE)
        }
    }
}

/// The intent to record the end.
fn finish(
    hk: Hash,
    scope: Scope,
    masker: &Masker,
    facts: Facts,
    report: &Result<Report, String>,
) -> opledger::Result<Intent> {
    let (outcome, metadata, duration_ms) = match report {
        Ok(report) => {
            let metadata = facts.with_end(report).metadata()?;
            (outcome(masker, report), Some(metadata), Some(run_facts::millis(report.wall)))
        }
        Err(error) => (Outcome::Failure(Some(format!("it could not be run to its end: {error}"))), None, None),
    };
    Ok(Intent::Finish(Finish {
        unit: UnitId::random()?,
        operation: hk,
        scope,
        at: SystemClock.now(),
        outcome,
        duration_ms,
        additions: Additions { metadata, ..Additions::default() },
        record_source: who::record_source(),
    }))
}

fn outcome(masker: &Masker, report: &Report) -> Outcome {
    let why = match &report.ended {
        Ended::Exited(0) => return Outcome::Success,
        Ended::Exited(code) => format!("exit code {code}"),
        Ended::Signaled(signal) => format!("killed by signal {signal}"),
        Ended::NotFound => "command not found".to_owned(),
        Ended::NotExecutable(error) => format!("not executable: {error}"),
    };
    let said = masker.stderr(&report.stderr_tail);
    let said = said.trim_end_matches(['\n', '\r']);
    Outcome::Failure(Some(if said.trim().is_empty() { why } else { said.to_owned() }))
}

fn words(failure: &Failure) -> String {
    match failure {
        Failure::Usage(message) | Failure::NoStore(message) => message.clone(),
        Failure::Store(error) => describe(error),
        Failure::Output(error) => error.to_string(),
    }
}
