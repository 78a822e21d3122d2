//! Children with no terminal about: streams, exit codes, signals, figures.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "only tests are here")]

mod common;

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{PROBE, probe, until};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

fn code(argv: &[&str]) -> Option<i32> {
    probe(argv).stderr(Stdio::null()).status().unwrap().code()
}

/// Starts a child that says on its stdout when it is ready.
fn start(argv: &[&str]) -> Child {
    let mut child = probe(argv).stdout(Stdio::piped()).spawn().unwrap();
    let mut ready = [0; 1];
    child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
    child
}

fn rest(child: &mut Child) -> String {
    let mut text = String::new();
    child.stdout.as_mut().unwrap().read_to_string(&mut text).unwrap();
    text
}

#[test]
fn exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain");
    std::fs::write(&plain, "x").unwrap();
    let garbage = folder.path().join("garbage");
    std::fs::write(&garbage, "\0\0\0").unwrap();
    std::fs::set_permissions(&garbage, PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(code(&["true"]), Some(0));
    assert_eq!(code(&["sh", "-c", "exit 42"]), Some(42));
    assert_eq!(code(&["sh", "-c", "kill -9 $$"]), Some(137));
    assert_eq!(code(&["sh", "-c", "kill -TERM $$"]), Some(143));
    assert_eq!(code(&["/no/such/program"]), Some(127));
    assert_eq!(code(&["no-such-program-at-all"]), Some(127));
    assert_eq!(code(&[""]), Some(127));
    assert_eq!(code(&[]), Some(127));
    assert_eq!(code(&["/tmp"]), Some(126));
    assert_eq!(code(&[plain.to_str().unwrap()]), Some(126));
    assert_eq!(code(&[garbage.to_str().unwrap()]), Some(126));
}

#[test]
fn streams_pass_unchanged() {
    let script = r#"cat; printf '%s' "$OPLEDGER_OPERATION"; printf 'e\0\377\r\n' >&2"#;
    let mut child = probe(&["sh", "-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"in\0\xff").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.stdout, b"in\0\xffcafe");
    assert_eq!(output.stderr, b"e\0\xff\r\n");
}

#[test]
fn stderr_comes_at_once_and_its_end_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    let script = "printf now >&2; read x; seq 1 300000 >&2; printf the-end >&2; exit 3";
    let mut child = probe(&["sh", "-c", script])
        .env("PROBE_REPORT", &report)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let mut now = [0; 3];
    stderr.read_exact(&mut now).unwrap();
    child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    let mut all = Vec::new();
    stderr.read_to_end(&mut all).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert_eq!(all.len(), 1_988_895 + 7);
    let report = std::fs::read(report).unwrap();
    assert!(report.starts_with(b"exited 3\n"));
    assert_eq!(report[report.len() - 8192..], all[all.len() - 8192..]);
}

#[test]
fn a_grandchild_holds_us_only_shortly() {
    let begun = Instant::now();
    let script = "sleep 20 & exec seq 1 20000 >&2";
    let output = probe(&["sh", "-c", script]).stdout(Stdio::null()).output().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.ends_with(b"\n20000\n"));

    // One that never stops writing neither.
    let script = "yes >&2 & sleep 0.1; exit 5";
    let begun = Instant::now();
    let status = probe(&["sh", "-c", script]).stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(5));
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_slow_reader_gets_all() {
    let mut child = probe(&["sh", "-c", "seq 1 20000 >&2; sleep 20 &"]).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(600));
    let mut all = String::new();
    child.stderr.take().unwrap().read_to_string(&mut all).unwrap();
    assert!(all.ends_with("\n20000\n"));
    child.wait().unwrap();
}

#[test]
fn a_broken_stderr_hurts_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    let script = "seq 1 100000 >&2; printf last >&2; exit 7";
    let mut child = probe(&["sh", "-c", script]).env("PROBE_REPORT", &report).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(7));
    assert!(std::fs::read(report).unwrap().ends_with(b"last"));
}

#[test]
fn signals_are_forwarded_once() {
    for signal in ["HUP", "INT", "QUIT", "TERM", "USR1", "USR2", "ALRM", "WINCH"] {
        let script = format!(
            "n=0; trap 'n=$((n+1))' {signal}; echo; \
             while [ $n = 0 ]; do sleep 0.02; done; sleep 0.2; echo $n"
        );
        let mut child = start(&["bash", "-c", &script]);
        let sent = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        assert_eq!(rest(&mut child), "1\n", "{signal}");
        assert_eq!(child.wait().unwrap().code(), Some(0), "{signal}");
    }
}

#[test]
fn death_by_a_forwarded_signal() {
    for (signal, number) in [(Signal::TERM, 15), (Signal::HUP, 1), (Signal::INT, 2)] {
        let mut child = start(&["sh", "-c", "echo; exec sleep 20"]);
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(128 + number));
    }
}

#[test]
fn a_signal_before_the_child_is_not_lost() {
    let folder = tempfile::tempdir().unwrap();
    let ready = folder.path().join("ready");
    let mut child = probe(&["sleep", "20"]).env("PROBE_PREPARED", &ready).spawn().unwrap();
    until("prepared", || ready.exists());
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

#[test]
fn a_child_that_signals_its_group_hears_no_echo() {
    let script = r#"n=0; trap 'n=$((n+1))' TERM; kill -TERM 0; sleep 0.2; echo $n"#;
    let output = Command::new("setsid").args(["-w", PROBE, "bash", "-c", script]).output().unwrap();
    assert_eq!(output.stdout, b"1\n");
}

#[test]
fn dispositions_are_those_we_found() {
    let ignored = |argv: &[&str]| {
        let output = Command::new(argv[0]).args(&argv[1..]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        // glibc has two signals to itself, above these.
        0x7fff_ffff & u64::from_str_radix(text.trim().rsplit(char::is_whitespace).next().unwrap(), 16).unwrap()
    };
    let asks = ["grep", "SigIgn", "/proc/self/status"];
    assert_eq!(ignored(&[&[PROBE][..], &asks].concat()), 0);
    let nohup = r#"trap "" HUP INT USR1; exec "$@""#;
    assert_eq!(ignored(&[&["sh", "-c", nohup, "sh", PROBE][..], &asks].concat()), 1 | 1 << 1 | 1 << 9);
    let mut child = Command::new("sh")
        .args(["-c", nohup, "sh", PROBE, "sh", "-c", "echo; sleep 0.3; echo alive"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = [0; 1];
    child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
    kill_process(Pid::from_child(&child), Signal::HUP).unwrap();
    assert_eq!(rest(&mut child), "alive\n");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn the_child_stays_in_our_group_and_may_be_stopped() {
    use std::os::unix::process::CommandExt;
    let mut command = probe(&["sh", "-c", "echo; read x; exit 9"]);
    let mut child = command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut ready = [0; 1];
    child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
    let group = Pid::from_child(&child);
    kill_process_group(group, Signal::STOP).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    kill_process_group(group, Signal::CONT).unwrap();
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(9));
    assert_eq!(child.wait().unwrap().signal(), None);
}

#[test]
fn figures() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report");
    let script = "head -c 60000000 /dev/zero | tail -c 60000000 >/dev/null; \
                  i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; sleep 0.2";
    probe(&["sh", "-c", script]).env("PROBE_REPORT", &path).status().unwrap();
    let report = std::fs::read_to_string(path).unwrap();
    let figures: Vec<u64> = report.lines().nth(1).unwrap().split(' ').map(|figure| figure.parse().unwrap()).collect();
    assert!(figures[0] >= 200, "wall {report}");
    assert!(figures[1] >= 10, "user {report}");
    assert!(figures[3] > 50_000_000 && figures[3] < 500_000_000, "memory {report}");
}

#[test]
fn little_is_added() {
    let median = |command: &mut Command| {
        let mut times: Vec<Duration> = (0..41)
            .map(|_| {
                let begun = Instant::now();
                command.status().unwrap();
                begun.elapsed()
            })
            .collect();
        times.sort();
        times[20]
    };
    let plain = median(&mut Command::new("true"));
    let run = median(&mut probe(&["true"]));
    println!("true: {plain:?}, run by the probe: {run:?}");
    assert!(run < plain + Duration::from_millis(50), "{plain:?} {run:?}");
}
