//! Ctrl-C while files run: the server cancels the statement, and what is known is recorded before we leave.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;
use std::time::Duration;

use opledger_child::is_ignored;
use opledger_postgres::Interrupt;
use pollster::block_on;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::exit::{self, Failure};

/// A wish to cancel that is there before its statement is lost.
const AGAIN: Duration = Duration::from_millis(500);

/// The signal that came, if one did.
#[derive(Debug, Clone, Default)]
pub(super) struct Caught(Arc<AtomicI32>);

impl Caught {
    /// The exit code: as a shell tells of a command that a signal ended, unless all was done.
    pub(super) fn code(&self, otherwise: u8) -> u8 {
        match u8::try_from(self.0.load(Ordering::SeqCst)) {
            Ok(signal) if signal != 0 && otherwise != exit::OK => 128 + signal,
            _ => otherwise,
        }
    }
}

/// From now on the first signal stops the run in order, and the second one ends us at once.
pub(super) fn stop_on_signals(interrupt: Interrupt) -> Result<Caught, Failure> {
    let caught = Caught::default();
    let signals = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| !is_ignored(signal));
    let seen = caught.clone();
    let install = || -> std::io::Result<()> {
        let mut signals = Signals::new(signals)?;
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in signals.forever() {
                if seen.0.swap(signal, Ordering::SeqCst) != 0 {
                    emulate_default_handler(signal).ok();
                }
                exit::note(format_args!("the server is asked to cancel the statement; once more leaves it to itself"));
                stop(interrupt.clone());
            }
        })?;
        Ok(())
    };
    install().map_err(|cause| Failure::Usage(format!("signals can't be caught: {cause}")))?;
    Ok(caught)
}

/// Goes on asking until we end.
fn stop(interrupt: Interrupt) {
    thread::spawn(move || {
        let mut told = false;
        loop {
            if let Err(cause) = block_on(interrupt.stop())
                && !std::mem::replace(&mut told, true)
            {
                exit::warning(format_args!("the server could not be asked to cancel: {cause}"));
            }
            thread::sleep(AGAIN);
        }
    });
}
