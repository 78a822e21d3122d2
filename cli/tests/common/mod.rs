//! The real binary on a store of its own.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

pub(crate) struct Ledger {
    pub(crate) dir: tempfile::TempDir,
}

pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    pub(crate) fn url(&self) -> String {
        format!("sled:{}", self.store().display())
    }

    /// The command with nothing of ours in its environment.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        let mut command = bare();
        command.env("OPLEDGER_STORE", self.url()).args(args);
        command
    }

    pub(crate) fn call<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Answer {
        answer(self.command(args).output().unwrap())
    }

    /// Calls it and expects exit code 0; gives stdout.
    pub(crate) fn ok<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> String {
        let answer = self.call(args);
        assert_eq!(answer.code, 0, "{}{}", answer.out, answer.err);
        answer.out
    }

    pub(crate) fn json<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Vec<Value> {
        let mut command = self.command(args);
        let answer = answer(command.args(["--format", "json"]).output().unwrap());
        serde_json::from_str(&answer.out).unwrap_or_else(|error| panic!("{error}: {}{}", answer.out, answer.err))
    }

    pub(crate) fn history(&self) -> Vec<Value> {
        self.json(["history"])
    }

    /// All versions of the only operation.
    pub(crate) fn only_versions(&self) -> Vec<Value> {
        let history = self.history();
        assert_eq!(history.len(), 1, "{history:?}");
        self.json(["show", text(&history[0], "script_execution_hk")])
    }

    pub(crate) fn spawn<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Child {
        self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Whether any file of the store holds these bytes.
    pub(crate) fn holds(&self, bytes: &str) -> bool {
        files(&self.store()).iter().any(|file| {
            let content = std::fs::read(file).unwrap();
            content.windows(bytes.len()).any(|window| window == bytes.as_bytes())
        })
    }
}

pub(crate) fn bare() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opledger"));
    for name in ["OPLEDGER_STORE", "OPLEDGER_OPERATION", "OPLEDGER_LOG", "NO_COLOR"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

pub(crate) fn answer(output: Output) -> Answer {
    Answer {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

pub(crate) fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().unwrap_or_else(|| panic!("{field} of {row}"))
}

pub(crate) fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < deadline, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// Runs `test` with a small file system at `dir`: mounted here, or in a user namespace, in which the test runs again.
pub(crate) fn with_small_disk(name: &str, dir: &Path, size: &str, test: impl FnOnce(&Path)) {
    struct Mount<'a>(&'a Path);
    impl Drop for Mount<'_> {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg("-l").arg(self.0).status();
        }
    }
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "opledger-test"]).arg(dir).output();
    if mounted.as_ref().is_ok_and(|mounted| mounted.status.success()) {
        let mount = Mount(dir);
        return test(mount.0);
    }
    assert!(std::env::var_os("OPLEDGER_UNSHARED").is_none(), "no tmpfs can be mounted: {mounted:?}");
    let mut again = Command::new("unshare");
    again.arg("-rm").arg(std::env::current_exe().unwrap()).args(["--exact", name, "--nocapture"]);
    let again = again.env("OPLEDGER_UNSHARED", "1").status();
    let done = again.as_ref().is_ok_and(std::process::ExitStatus::success);
    assert!(done, "this test needs the right to mount a tmpfs (root, or user namespaces): {mounted:?}, {again:?}");
}
