//! Spawning the child, waiting for it, and what became of it.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{self, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use wait4::{ResUse, Wait4};

use crate::signals::Signals;
use crate::stderr::Stderr;

/// A program with its arguments, and what is added to our own environment for it.
#[derive(Debug, Clone, Default)]
pub struct Command {
    /// The program, looked up in `PATH`, and its arguments.
    pub argv: Vec<OsString>,
    /// Variables set in the child, over those inherited.
    pub env: Vec<(OsString, OsString)>,
}

/// How the child ended, or why it never began.
#[derive(Debug)]
pub enum Ended {
    /// It exited with this code.
    Exited(i32),
    /// It died of this signal.
    Signaled(i32),
    /// No such program.
    NotFound,
    /// There is one, but it can't be executed.
    NotExecutable(io::Error),
}

impl Ended {
    /// The exit code a shell would report: the child's, 128 + signal, 127 or 126.
    #[must_use]
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::Exited(code) => *code,
            Self::Signaled(signal) => 128 + signal,
            Self::NotFound => 127,
            Self::NotExecutable(_) => 126,
        }
    }

    fn from_status(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exited(code),
            (None, Some(signal)) => Self::Signaled(signal),
            // wait4 without WUNTRACED reports no other state.
            (None, None) => Self::Exited(status.into_raw()),
        }
    }

    fn from_spawn_error(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotFound,
            _ => Self::NotExecutable(error),
        }
    }
}

/// What is known of a child after its end.
#[derive(Debug)]
pub struct Report {
    /// How it ended.
    pub ended: Ended,
    /// From just before its start to its end.
    pub wall: Duration,
    /// Its user CPU time, with that of the descendants it waited for.
    pub user_cpu: Duration,
    /// Its system CPU time, with that of the descendants it waited for.
    pub system_cpu: Duration,
    /// The largest resident set of it or of a descendant it waited for (never below our own at
    /// the time of the start: the kernel counts the moment before exec too).
    pub peak_memory_bytes: u64,
    /// The last 8 KiB of its stderr, raw: twice what [`crate::Masker::stderr`] leaves of it, so
    /// that a secret lying across the cut is still seen whole.
    pub stderr_tail: Vec<u8>,
}

/// Signal handlers are installed: from here on no signal is lost, and none kills us.
/// One that comes before the child exists is handed to it as soon as it does.
#[derive(Debug)]
pub struct Prepared {
    signals: Signals,
}

/// Installs the signal handlers. Call it before the start is recorded.
///
/// When the result, or the [`run`] it was given to, is over, the first SIGINT, SIGTERM, SIGHUP
/// or SIGQUIT is let pass, so that the end can be recorded; a second one exits with 128 + signal.
///
/// # Errors
///
/// When the system refuses a handler.
pub fn prepare() -> io::Result<Prepared> {
    Signals::install().map(|signals| Prepared { signals })
}

/// Runs the command to its end. Don't wait for children elsewhere meanwhile.
///
/// # Errors
///
/// When the pipe or thread for stderr can't be made, or the child can't be waited for. A child
/// that could not be started is no error, but told by [`Report::ended`].
pub fn run(prepared: Prepared, command: &Command) -> io::Result<Report> {
    let mut signals = prepared.signals;
    let Some((program, arguments)) = command.argv.split_first() else {
        return Ok(unborn(Ended::NotFound, Duration::ZERO));
    };
    let mut child = process::Command::new(program);
    child.args(arguments);
    child.envs(command.env.iter().map(|(name, value)| (name, value)));
    let stderr = Stderr::attach(&mut child, &command.argv)?;

    let early = signals.pending();
    let started = Instant::now();
    let spawned = child.spawn();
    // Our copy of the child's end of stderr goes with it; else that end would never be reached.
    drop(child);
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => return Ok(unborn(Ended::from_spawn_error(error), started.elapsed())),
    };

    let pid = Pid::from_child(&child);
    signals.forward_early(&early, pid);
    while !has_exited(pid)? {
        signals.relay(pid, &stderr);
    }
    let wall = started.elapsed();
    // Reaped only now, by the one thread that sends signals: no signal ever meets a stranger.
    let used = reap(&mut child)?;
    drop(signals);
    Ok(Report {
        ended: Ended::from_status(used.status),
        wall,
        user_cpu: used.rusage.utime,
        system_cpu: used.rusage.stime,
        peak_memory_bytes: used.rusage.maxrss,
        stderr_tail: stderr.finish(),
    })
}

fn unborn(ended: Ended, wall: Duration) -> Report {
    Report {
        ended,
        wall,
        user_cpu: Duration::ZERO,
        system_cpu: Duration::ZERO,
        peak_memory_bytes: 0,
        stderr_tail: Vec::new(),
    }
}

fn has_exited(pid: Pid) -> io::Result<bool> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let status = rustix::io::retry_on_intr(|| waitid(WaitId::Pid(pid), options))?;
    Ok(status.is_some())
}

fn reap(child: &mut process::Child) -> io::Result<ResUse> {
    loop {
        match child.wait4() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
