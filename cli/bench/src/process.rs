//! A round in a process of its own, so that one's memory and threads are not another's: the round goes in through
//! standard input, what was measured comes out through standard output.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opledger::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::failure::io;
use crate::round::{Measured, Round};
use crate::subject::OpenStore;

/// What a process answers.
#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    Measured(Measured),
    Failed { sqlstate: String, message: String },
}

/// The kinds that the command tells apart; any other is an error of the operating system to it.
const KINDS: [ErrorKind; 5] =
    [ErrorKind::DiskFull, ErrorKind::Permission, ErrorKind::Corrupt, ErrorKind::Locked, ErrorKind::InvalidValue];

/// Stops the process that runs, and all that were to follow. Clones stop the same ones.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    stopped: AtomicBool,
    running: Mutex<Option<Child>>,
}

impl Stop {
    /// Stops.
    pub fn stop(&self) {
        self.0.stopped.store(true, Ordering::SeqCst);
        if let Some(child) = self.running().as_mut() {
            // It fails only where the process is gone already.
            let _ = child.kill();
        }
    }

    fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::SeqCst)
    }

    fn running(&self) -> MutexGuard<'_, Option<Child>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Carries out a round by `command`, which calls [`answer`]; none when it was stopped.
///
/// # Errors
/// Gives what the round failed with, and 58030 where its process ended without an answer.
pub fn carry_out(round: &Round, mut command: Command, stop: &Stop) -> Result<Option<Measured>> {
    let failed = |doing: &'static str| io(doing, Path::new("the process of a round"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(failed("start"))?;
    let (input, output) = (child.stdin.take(), child.stdout.take());
    *stop.running() = Some(child);
    if stop.is_stopped() {
        stop.stop();
    }
    let said = serde_json::to_vec(round).map_err(|cause| Error::new(ErrorKind::Io, cause.to_string()))?;
    // A process that is gone takes nothing: that is told below.
    let _ = input.map(|mut input| input.write_all(&said));
    let mut text = String::new();
    let read = output.map_or(Ok(0), |mut output| output.read_to_string(&mut text));
    let ended = stop.running().take().map(|mut child| child.wait()).transpose().map_err(failed("wait for"))?;
    if stop.is_stopped() {
        return Ok(None);
    }
    read.map_err(failed("read from"))?;
    match serde_json::from_str(&text) {
        Ok(Answer::Measured(measured)) => Ok(Some(measured)),
        Ok(Answer::Failed { sqlstate, message }) => {
            let kind = KINDS.into_iter().find(|kind| kind.sqlstate() == sqlstate).unwrap_or(ErrorKind::Io);
            Err(Error::new(kind, message))
        }
        Err(_) => {
            let how = ended.map_or_else(String::new, |status| format!(" with {status}"));
            Err(Error::new(ErrorKind::Io, format!("its process ended{how} and gave no answer")))
        }
    }
}

/// What such a process does: reads the round from `input`, measures in the folder `dir`, writes the answer.
///
/// # Errors
/// Gives 22023 where there is no round to read, 58030 where the answer can't be written.
pub fn answer(mut input: impl Read, output: impl Write, dir: &Path, open: &OpenStore<'_>) -> Result<()> {
    let mut text = String::new();
    input.read_to_string(&mut text).map_err(io("read", Path::new("standard input")))?;
    let round: Round = serde_json::from_str(&text)
        .map_err(|cause| Error::new(ErrorKind::InvalidValue, format!("standard input has no round: {cause}")))?;
    let answer = match round.measure(dir, open) {
        Ok(measured) => Answer::Measured(measured),
        Err(error) => Answer::Failed { sqlstate: error.kind().sqlstate().to_owned(), message: error.to_string() },
    };
    serde_json::to_writer(output, &answer)
        .map_err(|cause| Error::new(ErrorKind::Io, format!("the answer can't be written: {cause}")))
}
