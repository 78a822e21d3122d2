//! The child's stderr: passed on as it comes, and its end kept.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::process::Command;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read, retry_on_intr, write};

use crate::terminal;

/// How much of the end is kept.
const KEPT: usize = 8192;
/// How long a grandchild that keeps stderr open is waited for after the child's end.
const GRACE: Duration = Duration::from_millis(200);
/// The most a pipe can hold: what the child may have written but we not yet read at its end.
const PIPE_MAX: usize = 1 << 20;

/// Either nothing (the child writes to our stderr itself), or the thread that passes on.
pub(crate) struct Stderr(Option<Pump>);

struct Pump {
    source: Arc<OwnedFd>,
    is_pty: bool,
    /// Closed when the child has ended.
    alive: io::PipeWriter,
    thread: JoinHandle<Vec<u8>>,
}

impl Stderr {
    pub(crate) fn attach(command: &mut Command, argv: &[OsString]) -> io::Result<Self> {
        if terminal::needs_real_terminal(argv) {
            return Ok(Self(None));
        }
        // Where no pty is to be had (a bare chroot), the terminal itself is better than a pipe.
        let is_pty = terminal::wants_pty(argv);
        let source = if is_pty {
            let Ok((master, slave)) = terminal::open_pty() else {
                return Ok(Self(None));
            };
            command.stderr(slave);
            master
        } else {
            let (reader, writer) = io::pipe()?;
            command.stderr(writer);
            OwnedFd::from(reader)
        };
        let source = Arc::new(source);
        let (ended, alive) = io::pipe()?;
        let shared = Arc::clone(&source);
        let thread = thread::Builder::new().name("stderr".to_owned()).spawn(move || pass_on(&shared, &ended))?;
        Ok(Self(Some(Pump { source, is_pty, alive, thread })))
    }

    /// Whether a pty now has another size than before.
    pub(crate) fn copy_window_size(&self) -> bool {
        match &self.0 {
            Some(pump) if pump.is_pty => terminal::copy_window_size(&pump.source),
            _ => false,
        }
    }

    /// To be called after the child's end: its last bytes.
    pub(crate) fn finish(self) -> Vec<u8> {
        let Some(Pump { alive, thread, .. }) = self.0 else {
            return Vec::new();
        };
        drop(alive);
        thread.join().unwrap_or_default()
    }
}

fn pass_on(source: &OwnedFd, ended: &io::PipeReader) -> Vec<u8> {
    let mut tail = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    let mut ours_open = true;
    // Until the child's end there is no hurry.
    while wait_for_text(source, ended) {
        let Some(text) = read_some(source, &mut buffer) else {
            return tail;
        };
        ours_open = ours_open && write_all(text);
        keep(&mut tail, text);
    }
    // What it had written is passed on however long that takes; then others get their grace.
    let deadline = Instant::now() + GRACE;
    let mut owed = PIPE_MAX;
    loop {
        let patience = match owed {
            0 => deadline.saturating_duration_since(Instant::now()),
            _ => Duration::ZERO,
        };
        if !is_readable(source, patience) {
            if owed == 0 {
                return tail;
            }
            owed = 0;
            continue;
        }
        let Some(text) = read_some(source, &mut buffer) else {
            return tail;
        };
        ours_open = ours_open && write_all(text);
        keep(&mut tail, text);
        owed = owed.saturating_sub(text.len());
        if owed == 0 && Instant::now() >= deadline {
            return tail;
        }
    }
}

/// Whether there is text to read; else the child has ended.
fn wait_for_text(source: &OwnedFd, ended: &io::PipeReader) -> bool {
    let mut fds = [PollFd::new(source, PollFlags::IN), PollFd::new(ended, PollFlags::IN)];
    if retry_on_intr(|| poll(&mut fds, None)).is_err() {
        return false;
    }
    let [_, ended] = fds;
    ended.revents().is_empty()
}

fn is_readable(source: &OwnedFd, patience: Duration) -> bool {
    let timeout = Timespec::try_from(patience).unwrap_or_default();
    let mut fds = [PollFd::new(source, PollFlags::IN)];
    retry_on_intr(|| poll(&mut fds, Some(&timeout))).is_ok_and(|ready| ready > 0)
}

/// None at the end, which a pty tells as an error.
fn read_some<'b>(source: &OwnedFd, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    let count = retry_on_intr(|| read(source, &mut *buffer)).ok()?;
    buffer.get(..count).filter(|text| !text.is_empty())
}

/// Whether our stderr is still there to be written to.
fn write_all(mut text: &[u8]) -> bool {
    let stderr = rustix::stdio::stderr();
    while !text.is_empty() {
        match write(stderr, text) {
            Ok(count) => text = text.get(count..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            // Another process made the open file we share with it non-blocking.
            Err(Errno::AGAIN) => {
                let mut fds = [PollFd::new(&stderr, PollFlags::OUT)];
                let _ = retry_on_intr(|| poll(&mut fds, None));
            }
            Err(_) => return false,
        }
    }
    true
}

fn keep(tail: &mut Vec<u8>, text: &[u8]) {
    let text = text.get(text.len().saturating_sub(KEPT)..).unwrap_or(text);
    let surplus = (tail.len() + text.len()).saturating_sub(KEPT);
    tail.drain(..surplus.min(tail.len()));
    tail.extend_from_slice(text);
}
