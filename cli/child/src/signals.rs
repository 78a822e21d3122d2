//! Signals: which we catch, which we hand on to the child, and stopping when it stops.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use nix::sys::signal::SigSet;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, getpgrp, getpid, kill_process, waitid};
use rustix::termios::tcgetpgrp;
use signal_hook::consts::{
    SIGABRT, SIGALRM, SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGPROF, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGVTALRM,
    SIGWINCH,
};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::{Cause, Origin};

use crate::stderr::Stderr;

/// SIGTSTP, SIGTTIN and SIGTTOU keep their default: the terminal sends them to the whole process
/// group, and stops us with the child.
const CAUGHT: [i32; 13] = [
    SIGCHLD, SIGCONT, SIGWINCH, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF,
    SIGABRT,
];
/// Timers are inherited over exec but not over fork: the kernel sends these to us alone.
const TIMERS: [i32; 3] = [SIGALRM, SIGVTALRM, SIGPROF];
const ENDING: [i32; 4] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];
/// After `fg` we may run before the child does; a stop that lasts longer is one of its own.
const RESUMING: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(crate) struct Signals {
    caught: Vec<i32>,
    info: SignalsInfo<WithOrigin>,
    /// The child stopped by itself, and we after it.
    stopped_with_child: bool,
}

impl Signals {
    pub(crate) fn install() -> io::Result<Self> {
        let ignored = ignored_signals();
        // An ignored SIGCHLD would let the kernel throw the child's status away.
        let caught: Vec<i32> =
            CAUGHT.into_iter().filter(|&signal| signal == SIGCHLD || !is_in(ignored, signal)).collect();
        let info = SignalsInfo::<WithOrigin>::new(&caught)?;
        unblock(&caught)?;
        Ok(Self { caught, info, stopped_with_child: false })
    }

    pub(crate) fn pending(&mut self) -> Vec<Origin> {
        self.info.pending().collect()
    }

    /// What came before the child was there can't have reached it, whoever sent it.
    pub(crate) fn forward_early(&self, early: &[Origin], child: Pid) {
        for origin in early {
            if ![SIGCHLD, SIGCONT, SIGWINCH].contains(&origin.signal) {
                send(child, origin.signal);
            }
        }
    }

    /// Waits for signals and acts on them; the child must not be reaped yet.
    pub(crate) fn relay(&mut self, child: Pid, stderr: &Stderr) {
        let arrived: Vec<Origin> = self.info.wait().collect();
        for origin in arrived {
            match origin.signal {
                SIGCHLD => self.stop_with_child(child),
                SIGCONT => self.resume_child(child),
                signal => {
                    let resized = signal == SIGWINCH && stderr.copy_window_size();
                    if resized || must_forward(&origin, child) {
                        send(child, signal);
                    }
                }
            }
        }
    }

    /// A child that stops itself (Ctrl-Z in an editor) gives the terminal back to the shell only
    /// if we stop too. Without a terminal before us nobody would wake us again.
    fn stop_with_child(&mut self, child: Pid) {
        if is_stopped(child) && in_foreground() {
            thread::sleep(RESUMING);
            if is_stopped(child) && in_foreground() {
                self.stopped_with_child = true;
                send(getpid(), Signal::STOP.as_raw());
            }
        }
    }

    fn resume_child(&mut self, child: Pid) {
        if std::mem::take(&mut self.stopped_with_child) || is_stopped(child) {
            send(child, SIGCONT);
        }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for &signal in self.caught.iter().filter(|signal| ENDING.contains(signal)) {
            let seen = Arc::new(AtomicBool::new(false));
            // The order matters: the first signal sets the flag, the second finds it set. A
            // refusal would leave the signal without effect, as it was until now.
            let _ = signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&seen));
            let _ = signal_hook::flag::register(signal, seen);
        }
    }
}

/// The terminal signals the whole group, and so does the child with `kill 0`: it has those
/// already. What another process sent to us is meant for it.
fn must_forward(origin: &Origin, child: Pid) -> bool {
    if TIMERS.contains(&origin.signal) {
        return true;
    }
    let child = child.as_raw_nonzero().get();
    match (&origin.cause, &origin.process) {
        (Cause::Sent(_) | Cause::Unknown, Some(sender)) => sender.pid != child,
        _ => false,
    }
}

fn send(to: Pid, signal: i32) {
    if let Some(signal) = Signal::from_named_raw(signal) {
        // It may have changed its user (sudo), or be a zombie: nothing to be done then.
        let _ = kill_process(to, signal);
    }
}

fn is_stopped(child: Pid) -> bool {
    let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    matches!(waitid(WaitId::Pid(child), options), Ok(Some(status)) if status.stopped())
}

fn in_foreground() -> bool {
    let Ok(terminal) = std::fs::File::open("/dev/tty") else {
        return false;
    };
    tcgetpgrp(&terminal).is_ok_and(|group| group == getpgrp())
}

/// A blocked signal would never wake us. (The child starts with none blocked, as the standard
/// library does it.)
fn unblock(signals: &[i32]) -> io::Result<()> {
    let mut set = SigSet::empty();
    for &signal in signals {
        set.add(nix::sys::signal::Signal::try_from(signal)?);
    }
    Ok(set.thread_unblock()?)
}

/// Whether a signal was ignored when we started, as nohup and a shell's `&` do: then it must stay so.
#[must_use]
pub fn is_ignored(signal: i32) -> bool {
    is_in(ignored_signals(), signal)
}

/// The signals ignored since before our start, as a bit mask; nohup and a shell's `&` ignore
/// some, and they must stay so. Known on Linux only.
fn ignored_signals() -> u64 {
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| {
            let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
            u64::from_str_radix(mask.trim(), 16).ok()
        })
        .unwrap_or(0)
}

fn is_in(mask: u64, signal: i32) -> bool {
    mask >> (signal - 1) & 1 == 1
}
