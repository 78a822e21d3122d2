//! Exit codes, and how a failure is told.

use std::fmt;
use std::io::{self, Write};

use opledger::ErrorKind;

/// All is well.
pub(crate) const OK: u8 = 0;
/// A check found something.
pub(crate) const FOUND: u8 = 1;
/// The command line, or what it asks for, is wrong.
pub(crate) const USAGE: u8 = 2;
/// The store can't be used.
pub(crate) const UNAVAILABLE: u8 = 3;

/// Why a command ends before its time.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line, or what it asks for, is wrong.
    Usage(String),
    /// There is no store to work with.
    NoStore(String),
    /// The core or the store refused.
    Store(opledger::Error),
    /// Standard output can't be written.
    Output(io::Error),
}

impl Failure {
    /// Tells it on stderr and gives the exit code.
    pub(crate) fn report(&self) -> u8 {
        match self {
            Self::Output(cause) if cause.kind() == io::ErrorKind::BrokenPipe => return OK,
            Self::Output(cause) => error(format_args!("standard output can't be written: {cause}")),
            Self::Usage(message) | Self::NoStore(message) => error(format_args!("{message}")),
            Self::Store(cause) => match advice(cause.kind()) {
                "" => error(format_args!("{}", describe(cause))),
                advice => error(format_args!("{}\n  {advice}", describe(cause))),
            },
        }
        self.code()
    }

    fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => USAGE,
            Self::Store(cause) if cause.kind().is_bad_input() || cause.kind() == ErrorKind::Conflict => USAGE,
            Self::NoStore(_) | Self::Store(_) | Self::Output(_) => UNAVAILABLE,
        }
    }
}

impl From<opledger::Error> for Failure {
    fn from(error: opledger::Error) -> Self {
        Self::Store(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// An error and what is below it, each cause once.
pub(crate) fn describe(error: &opledger::Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        next = cause.source();
    }
    text
}

/// What to do next.
fn advice(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Locked => "Wait until the holder has finished, or give a longer --wait SECONDS.",
        ErrorKind::Corrupt => {
            "Run `opledger verify` to see what is damaged; --accept-loss goes on without a lost tail."
        }
        ErrorKind::DiskFull => "Make room on the disk, then try again.",
        ErrorKind::Permission | ErrorKind::Io => "Check the store, and the rights to it.",
        ErrorKind::Connection | ErrorKind::Serialization => "Try again.",
        _ => "",
    }
}

/// An error, for a person.
pub(crate) fn error(message: fmt::Arguments<'_>) {
    say("error", message);
}

/// Something to know, though the command goes on.
pub(crate) fn warning(message: fmt::Arguments<'_>) {
    say("warning", message);
}

/// A word about what was done.
pub(crate) fn note(message: fmt::Arguments<'_>) {
    say("note", message);
}

fn say(kind: &str, message: fmt::Arguments<'_>) {
    let message = message.to_string();
    let text = crate::output::harmless_lines(&message);
    // Nothing is left to tell it to when stderr is gone.
    let _ = writeln!(io::stderr().lock(), "opledger: {kind}: {text}");
}
