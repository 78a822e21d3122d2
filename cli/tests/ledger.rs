//! The commands by hand, and the reports.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::Stdio;

use common::{Ledger, answer, text};
use opledger_sled::{Options, SledStore};

const UNKNOWN: &str = "38a5c5a5a06324684a4d1ffd7ef7c4fe035e9d71b48fe85afe2d59ca550bcf57";

#[test]
fn by_hand_from_start_to_end() {
    let ledger = Ledger::new();
    let out = ledger.ok(["start", "Reindex", "--type", "MAINTENANCE"]);
    let key = out.trim();
    assert!(key.len() == 64 && out == format!("{key}\n"));
    ledger.ok(["annotate", key, "rows=3", "phase=load=1"]);
    ledger.ok(["annotate", key, "rows=3"]);
    ledger.ok(["complete", key, "--failed", "--error", "no space"]);
    let versions = ledger.json(["show", key]);
    assert_eq!(versions.len(), 3, "a repeated annotation adds nothing: {versions:?}");
    assert_eq!(versions[2]["error_message"], "no space");
    assert_eq!(versions[2]["metadata"], serde_json::json!({"rows": "3", "phase": "load=1"}));

    let first = text(&versions[0], "load_date");
    let then = ledger.json(["show", key, "--as-of", first]);
    assert_eq!((then.len(), &then[0]["execution_status"]), (1, &"RUNNING".into()));
    let before = ledger.call(["show", key, "--as-of", "2020-01-01T00:00:00Z"]);
    assert_eq!(before.code, 2);
    assert!(before.err.contains("was not known at 2020"), "{}", before.err);

    for args in [vec!["complete", key], vec!["annotate", key, "a=b"]] {
        let again = ledger.call(&args);
        assert_eq!(again.code, 2);
        assert!(again.err.contains("has finished already: it is FAILED"), "{}", again.err);
    }
    for args in [vec!["complete", UNKNOWN], vec!["annotate", UNKNOWN, "a=b"], vec!["show", UNKNOWN]] {
        let unknown = ledger.call(&args);
        assert_eq!(unknown.code, 2);
        assert!(unknown.err.contains(&format!("there is no operation {UNKNOWN}")), "{}", unknown.err);
    }
    assert_eq!(ledger.json(["show", key]).len(), 3);
}

const SERVERS: bool = cfg!(feature = "postgres");
const BAD_SERVER: &str = "postgres://u:s3cretword@h/d?sslmode=s3cretword";

#[test]
fn bad_usage_is_told() {
    let ledger = Ledger::new();
    for (args, words) in [
        (vec!["complete", "abc"], "64 hexadecimal digits"),
        (vec!["show", &UNKNOWN[1..]], "64 hexadecimal digits"),
        (vec!["--tenant", "abc", "history"], "64 hexadecimal digits"),
        (vec!["complete", UNKNOWN, "--error", "x"], "--failed"),
        (vec!["annotate", UNKNOWN, "run=x"], "reserved"),
        (vec!["cleanup"], "--retention-days"),
        (vec!["cleanup", "--retention-days", "0"], "--retention-days"),
        (vec!["history", "--days", "-1"], "--days"),
        (vec!["history", "--limit", "0"], "--limit"),
        (vec!["history", "--status", "DONE"], "COMPLETED"),
        (vec!["errors", "--hours", "0"], "--hours"),
        (vec!["show", UNKNOWN, "--as-of", "yesterday"], "RFC 3339"),
        (vec!["start", &"x".repeat(256)], "the limit is 255"),
        (vec!["run", "true"], "unexpected argument"),
        (vec!["--store", "mysql://u:s3cretword@h/d", "history"], "sled:DIR"),
        (vec!["--store", BAD_SERVER, "run", "--", "true"], if SERVERS { "sslmode" } else { "left out of this binary" }),
        (vec!["--store", "redb:", "history"], "redb:DIR"),
        (vec!["install"], if SERVERS { "--database" } else { "unrecognized subcommand" }),
        (vec![], "Usage"),
    ] {
        let bad = ledger.call(&args);
        assert_eq!((bad.code, bad.out.as_str()), (2, ""), "{args:?} {}", bad.err);
        assert!(bad.err.contains(words) && !bad.err.contains("s3cretword"), "{args:?}: {}", bad.err);
    }
}

#[test]
fn json_and_csv_parse_and_agree() {
    let ledger = Ledger::new();
    let name = "odd \"name\", with\nbreak \u{1b}[31m";
    ledger.call(["run", "--name", name, "--object", "a,b", "--", "sh", "-c", "exit 1"]);
    for (args, fields) in [
        (vec!["history"], 8),
        (vec!["errors"], 8),
        (vec!["dashboard"], 5),
        (vec!["metrics"], 5),
        (vec!["health"], 5),
        (vec!["verify"], 8),
        (vec!["cleanup", "--retention-days", "1", "--dry-run"], 2),
    ] {
        let rows = ledger.json(&args);
        let csv = answer(ledger.command(&args).args(["--format", "csv"]).output().unwrap()).out;
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        assert_eq!(reader.headers().unwrap().len(), fields, "{args:?}");
        let records: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!((rows.len(), rows[0].as_object().unwrap().len()), (records.len(), fields), "{args:?}");
    }
    let row = &ledger.history()[0];
    assert_eq!(row["script_name"], name);
    assert_eq!(row["affected_objects"], serde_json::json!(["a,b"]));
    assert_eq!(ledger.json(["errors"])[0]["metadata"]["run"]["exit_code"], 1);
    assert_eq!(ledger.json(["dashboard"])[0]["metric_value"], 1.0);
    let lines = ledger.ok(["dashboard", "--format", "json"]);
    assert_eq!(lines.lines().count(), 10, "one row a line");

    let table = ledger.ok(["history"]);
    assert!(
        !table.contains('\u{1b}') && table.contains("break \\u{1b}[31m") && table.contains("with\\nbreak"),
        "{table}"
    );
    assert_eq!(Ledger::new().ok(["history", "--format", "json"]), "[]\n");
}

#[test]
fn history_is_filtered() {
    let ledger = Ledger::new();
    for n in 0..3 {
        ledger.ok([
            "run",
            "--name",
            &format!("n{n}"),
            "--type",
            if n == 1 { "BACKUP" } else { "MANUAL" },
            "--",
            "true",
        ]);
    }
    let names = |args: &[&str]| -> Vec<String> {
        ledger.json(args).iter().map(|row| text(row, "script_name").to_owned()).collect()
    };
    assert_eq!(names(&["history"]), ["n2", "n1", "n0"]);
    assert_eq!(names(&["history", "--limit", "2"]), ["n2", "n1"]);
    assert_eq!(names(&["history", "--type", "BACKUP"]), ["n1"]);
    assert!(names(&["history", "--status", "FAILED"]).is_empty());
}

#[test]
fn tenants_are_apart() {
    let ledger = Ledger::new();
    let key = ledger.ok(["--tenant", UNKNOWN, "start", "theirs"]);
    assert!(ledger.history().is_empty());
    assert_eq!(ledger.call(["complete", key.trim()]).code, 2);
    assert_eq!(ledger.json(["history", "--tenant", UNKNOWN]).len(), 1);
    assert_eq!(ledger.json(["history", "--tenant", "all"]).len(), 1);
    ledger.ok(["complete", key.trim(), "--tenant", UNKNOWN]);
    assert_eq!(ledger.json(["verify"])[0]["operations"], 1, "verify without a tenant covers all");
}

#[test]
fn health_exits_1_when_something_is_poor() {
    let ledger = Ledger::new();
    ledger.ok(["run", "--", "true"]);
    ledger.ok(["verify"]);
    assert_eq!(ledger.call(["health"]).code, 0);
    ledger.call(["run", "--", "false"]);
    let health = ledger.call(["health"]);
    assert_eq!(health.code, 1);
    assert!(health.out.contains("POOR"));
}

#[test]
fn a_broken_pipe_is_no_error_and_a_full_disk_is_one() {
    let ledger = Ledger::new();
    ledger.ok(["run", "--", "true"]);
    for args in [vec!["dashboard", "--format", "json"], vec!["history"], vec!["completions", "bash"], vec!["--help"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let cut = answer(ledger.command(&args).stdout(writer).output().unwrap());
        assert_eq!((cut.code, cut.err.as_str()), (0, ""), "{args:?}");
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let full = answer(ledger.command(&args).stdout(full).output().unwrap());
        assert_eq!(full.code, 3, "{args:?}");
        assert!(full.err.contains("standard output can't be written"), "{}", full.err);
    }
    let script = format!("'{}' dashboard --format json | head -1", env!("CARGO_BIN_EXE_opledger"));
    let out = std::process::Command::new("sh").args(["-c", &script]).env("OPLEDGER_STORE", ledger.url()).output();
    let head = answer(out.unwrap());
    assert!(head.out.starts_with("[{\"metric_name\": \"total_operations_24h\"") && head.err.is_empty(), "{}", head.out);
}

#[test]
fn while_another_holds_the_store_writers_go_on_and_readers_name_it() {
    let ledger = Ledger::new();
    let finished = ledger.ok(["start", "finished"]);
    ledger.ok(["complete", finished.trim()]);
    let options = Options { holder: "the nightly agent".to_owned(), ..Options::default() };
    let held = SledStore::open(ledger.store(), options).unwrap();

    assert_eq!(ledger.call(["run", "--", "sh", "-c", "exit 5"]).code, 5);
    let key = ledger.ok(["start", "by hand"]);
    ledger.ok(["annotate", key.trim(), "a=b"]);
    let done = ledger.call(["complete", key.trim()]);
    assert_eq!((done.code, done.err.as_str()), (0, ""), "the holder answers");
    let again = ledger.call(["complete", finished.trim()]);
    assert_eq!(again.code, 2);
    assert!(again.err.contains("finished already"), "{}", again.err);
    assert_eq!(ledger.call(["complete", UNKNOWN]).code, 2);

    let reader = ledger.call(["history", "--wait", "0.1"]);
    assert_eq!((reader.code, reader.out.as_str()), (3, ""));
    let pid = format!("process {}", std::process::id());
    assert!(reader.err.contains("the nightly agent") && reader.err.contains(&pid), "{}", reader.err);
    assert!(reader.err.contains("--wait"), "{}", reader.err);

    drop(held);
    assert_eq!(ledger.history().len(), 3);
    assert_eq!(ledger.json(["history", "--status", "COMPLETED"]).len(), 2);
    assert_eq!(ledger.json(["history", "--status", "FAILED"]).len(), 1);
}

#[test]
fn a_change_that_nobody_answers_is_queued() {
    let ledger = Ledger::new();
    let key = ledger.ok(["start", "queued"]);
    assert_eq!(ledger.history().len(), 1);
    // A holder that does nothing, such as one that is stopped.
    let lock = std::fs::File::options().read(true).write(true).open(ledger.store().join("LOCK")).unwrap();
    lock.lock().unwrap();
    let done = ledger.call(["complete", key.trim(), "--failed", "--error", "-x: late"]);
    assert_eq!((done.code, done.out.as_str()), (0, ""));
    assert!(done.err.contains("note") && done.err.contains("queued"), "{}", done.err);
    drop(lock);
    assert_eq!(ledger.json(["errors"])[0]["error_message"], "-x: late");
}

#[test]
fn colours_are_for_terminals_and_can_be_refused() {
    let ledger = Ledger::new();
    ledger.ok(["run", "--name", &"a long name ".repeat(8), "--", "true"]);
    assert!(!ledger.ok(["history"]).contains('\u{1b}'));
    let coloured = on_terminal(&ledger, &[("TERM", "xterm")]);
    assert!(coloured.contains("\u{1b}[") && coloured.contains("COMPLETED"), "{coloured}");
    let plain = on_terminal(&ledger, &[("TERM", "xterm"), ("NO_COLOR", "1")]);
    assert!(!plain.contains('\u{1b}'), "{plain}");
    for line in plain.lines() {
        assert!(line.chars().count() <= 100, "fits the terminal: {line}");
    }
}

/// What the history looks like on a terminal of 100 columns.
fn on_terminal(ledger: &Ledger, env: &[(&str, &str)]) -> String {
    on_terminal_of(100, ledger, env)
}

fn on_terminal_of(width: u16, ledger: &Ledger, env: &[(&str, &str)]) -> String {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let slave = std::fs::File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    let size = rustix::termios::Winsize { ws_row: 50, ws_col: width, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&slave, size).unwrap();
    let mut command = ledger.command(["history"]);
    command.envs(env.iter().copied()).stdout(OwnedFd::from(slave));
    let mut child = command.spawn().unwrap();
    drop(command);
    let mut seen = Vec::new();
    let mut master = std::fs::File::from(master);
    let mut buffer = [0; 4096];
    // At the end of a terminal a read fails with EIO.
    while let Ok(count @ 1..) = master.read(&mut buffer) {
        seen.extend_from_slice(&buffer[..count]);
    }
    assert!(child.wait().unwrap().success());
    String::from_utf8(seen).unwrap()
}

#[test]
fn help_version_and_completions() {
    let ledger = Ledger::new();
    assert_eq!(ledger.ok(["--version"]), format!("opledger {}\n", env!("CARGO_PKG_VERSION")));
    let help = ledger.ok(["--help"]);
    for command in [
        "run",
        "start",
        "complete",
        "annotate",
        "show",
        "history",
        "errors",
        "dashboard",
        "metrics",
        "health",
        "cleanup",
        "verify",
        "completions",
    ] {
        assert!(help.contains(&format!("\n  {command} ")), "{command} in {help}");
        assert!(ledger.ok([command, "--help"]).contains("Usage: opledger"), "{command}");
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(ledger.ok(["completions", shell]).contains("opledger"), "{shell}");
    }
    let script = ledger.ok(["completions", "bash"]);
    let mut bash = std::process::Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
    bash.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(bash.wait().unwrap().success());
    assert!(!ledger.store().exists());
}

#[test]
fn a_key_is_whole_or_left_out() {
    // On 80 columns a key was broken over eight lines.
    let ledger = Ledger::new();
    let key = ledger.ok(["start", "a name of some length", "--type", "MAINTENANCE"]).trim().to_owned();
    assert!(on_terminal_of(200, &ledger, &[("NO_COLOR", "1")]).contains(&key));
    let narrow = on_terminal_of(80, &ledger, &[("NO_COLOR", "1")]);
    assert!(narrow.contains("a name of some length") && !narrow.contains("key"), "{narrow}");
    assert!(narrow.lines().all(|line| line.chars().count() <= 80), "{narrow}");
}

#[test]
fn a_reader_of_a_store_that_is_not_there_makes_none() {
    // A mistyped folder became a store.
    let ledger = Ledger::new();
    for command in ["history", "errors", "dashboard", "metrics", "health", "verify"] {
        let answer = ledger.call([command]);
        assert_eq!(answer.code, 0, "{command}: {}", answer.err);
        assert!(answer.err.contains("nothing is stored at"), "{command}: {}", answer.err);
    }
    assert!(!ledger.store().exists());
}

#[test]
fn a_lost_tail_is_counted_and_accepted() {
    let ledger = Ledger::new();
    let kept = ledger.dir.path().join("kept");
    ledger.ok(["start", "early"]);
    assert_eq!(ledger.history().len(), 1);
    copy(&ledger.store().join("sled"), &kept);
    for name in ["late", "later"] {
        ledger.ok(["start", name]);
    }
    assert_eq!(ledger.history().len(), 3);
    std::fs::remove_dir_all(ledger.store().join("sled")).unwrap();
    copy(&kept, &ledger.store().join("sled"));

    let verify = ledger.call(["verify"]);
    assert_eq!(verify.code, 1, "{}{}", verify.out, verify.err);
    assert!(verify.out.contains("2 operations and 2 versions after position"), "{}", verify.out);
    assert_eq!(ledger.history().len(), 1, "what is left stays readable");
    let accepted = ledger.call(["verify", "--accept-loss"]);
    assert!([0, 1].contains(&accepted.code), "{}", accepted.err);
    ledger.ok(["start", "after the loss"]);
    assert_eq!(ledger.history().len(), 2);
}

#[test]
fn a_damaged_record_is_named_and_the_rest_is_read() {
    let ledger = Ledger::new();
    for turn in 0..20 {
        ledger.ok(["start", &format!("operation number {turn}")]);
    }
    assert_eq!(ledger.history().len(), 20);
    let path = ledger.store().join("sled/db");
    let mut bytes = std::fs::read(&path).unwrap();
    // An engine may keep older copies of a record: it is damaged wherever it stands.
    let found: Vec<usize> = (0..bytes.len() - 12).filter(|at| bytes[*at..].starts_with(b"ation number")).collect();
    assert!(!found.is_empty());
    found.into_iter().for_each(|at| bytes[at] ^= 1);
    std::fs::write(&path, bytes).unwrap();
    let verify = ledger.call(["verify"]);
    assert_eq!(verify.code, 1, "{}{}", verify.out, verify.err);
    assert!(!verify.err.contains("panicked"), "{}", verify.err);
    let history = ledger.call(["history", "--format", "json"]);
    assert!(!history.err.contains("panicked"), "{}", history.err);
    assert!(ledger.store().join("aside").read_dir().unwrap().next().is_some(), "the files as found are kept");
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn every_engine_serves_and_none_takes_the_store_of_another() {
    for engine in ["sled", "redb", "fjall"] {
        let ledger = Ledger::new();
        let at = |engine: &str| format!("{engine}:{}", ledger.store().display());
        let url = at(engine);
        let hk = ledger.ok(["--store", &url, "start", "nightly"]);
        ledger.ok(["--store", &url, "complete", hk.trim()]);
        assert!(ledger.ok(["--store", &url, "history"]).contains("nightly"), "{engine}");
        ledger.ok(["--store", &url, "verify"]);
        for other in ["sled", "redb", "fjall"].into_iter().filter(|other| *other != engine) {
            let refused = ledger.call(["--store", &at(other), "history"]);
            assert!(refused.code != 0 && refused.err.contains(&format!("kept by {engine}")), "{}", refused.err);
        }
        assert!(ledger.ok(["--store", &url, "history"]).contains("nightly"), "{engine}");
    }
}
