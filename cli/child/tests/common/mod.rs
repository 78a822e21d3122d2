//! The probe, and a terminal to run it in.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "only tests are here")]
#![allow(dead_code, reason = "each test file uses a part")]

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

pub(crate) const PROBE: &str = env!("CARGO_BIN_EXE_opledger-child-probe");

pub(crate) fn probe(argv: &[&str]) -> Command {
    let mut command = Command::new(PROBE);
    command.args(argv);
    command
}

/// Waits for a condition that another process brings about.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A session of its own, led by a command, with a controlling terminal.
pub(crate) struct Terminal {
    master: File,
    pub(crate) leader: Child,
    shown: Arc<Mutex<Vec<u8>>>,
    /// How much of it was expected already.
    seen: usize,
}

impl Terminal {
    pub(crate) fn new(argv: &[&str]) -> Self {
        Self::with_stdin(argv, true)
    }

    pub(crate) fn with_stdin(argv: &[&str], stdin: bool) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let slave = File::options().read(true).write(true).open(name).unwrap();
        let master = File::from(master);
        let size = Winsize { ws_row: 30, ws_col: 90, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).unwrap();
        let mut command = Command::new("setsid");
        command.args(["-c", "-w"]);
        if !stdin {
            command.args(["sh", "-c", r#""$@" </dev/null"#, "sh"]);
        }
        let leader = command
            .args(argv)
            .env("PROBE", PROBE)
            .env("TERM", "xterm")
            .env("PS1", "$ ")
            .stdin(Stdio::from(slave.try_clone().unwrap()))
            .stdout(Stdio::from(slave.try_clone().unwrap()))
            .stderr(Stdio::from(slave))
            .spawn()
            .unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let (mut reader, copy) = (master.try_clone().unwrap(), Arc::clone(&shown));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                copy.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        });
        Self { master, leader, shown, seen: 0 }
    }

    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.master, size).unwrap();
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    pub(crate) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }

    /// Waits until the text is on the screen, after all that was expected before.
    pub(crate) fn expect(&mut self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let shown = self.shown.lock().unwrap().clone();
            let new = &shown[self.seen..];
            if let Some(at) = new.windows(text.len()).position(|new| new == text.as_bytes()) {
                self.seen += at + text.len();
                return;
            }
            assert!(Instant::now() < deadline, "no {text:?} in {:?}", self.shown());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = self.leader.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "still running after {:?}", self.shown());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.leader.kill();
    }
}
