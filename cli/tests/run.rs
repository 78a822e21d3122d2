//! `opledger run`: real commands.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::process::Stdio;
use std::time::{Duration, Instant};

use common::{Ledger, answer, text, wait_for};
use rustix::process::{Pid, Signal, kill_process};

#[test]
fn a_backup_is_recorded_with_all_there_is_to_know() {
    let ledger = Ledger::new();
    let source = ledger.dir.path().join("src");
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("a"), "x".repeat(100_000)).unwrap();
    let archive = ledger.dir.path().join("src.tgz");
    let run = ledger
        .command(["run", "--name", "Source backup", "--type", "BACKUP", "--object", "src", "--object", "b"])
        .args(["--meta", "ticket=OPS-7", "--", "tar", "czf"])
        .arg(&archive)
        .arg("-C")
        .arg(ledger.dir.path())
        .arg("src")
        .output()
        .unwrap();
    let run = answer(run);
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (0, "", ""));
    assert!(archive.exists());

    let versions = ledger.only_versions();
    assert_eq!(versions.len(), 2);
    assert_eq!(versions[0]["execution_status"], "RUNNING");
    assert_eq!(versions[0]["load_end_date"], versions[1]["load_date"]);
    let end = &versions[1];
    assert_eq!(end["execution_status"], "COMPLETED");
    assert_eq!(end["script_name"], "Source backup");
    assert_eq!(end["script_type"], "BACKUP");
    assert_eq!(end["affected_objects"], serde_json::json!(["src", "b"]));
    assert_eq!(end["metadata"]["ticket"], "OPS-7");
    assert!(end["execution_duration_ms"].as_i64().unwrap() >= 0);
    assert!(text(end, "sql_command").starts_with("tar czf /"));
    assert!(!text(end, "db_session_user").is_empty());
    assert!(text(end, "record_source").starts_with("opledger-cli/"));
    let run = &end["metadata"]["run"];
    assert_eq!(run["argv"][0], "tar");
    assert_eq!(run["exit_code"], 0);
    assert_eq!(run["user"], end["db_session_user"]);
    assert!(run["cpu_user_ms"].is_u64() && run["cpu_system_ms"].is_u64());
    assert!(run["peak_memory_bytes"].as_u64().unwrap() > 100_000);
    assert!(run["host"].is_string() && run["pid"].is_u64() && run["cwd"].is_string());
    assert_eq!(versions[0]["metadata"]["run"]["argv"], run["argv"]);
    assert!(versions[0]["metadata"]["run"].get("exit_code").is_none());
}

#[test]
fn a_failure_keeps_its_exit_code_and_its_last_words() {
    let ledger = Ledger::new();
    let run = ledger.call(["run", "--", "sh", "-c", "echo out; echo boom >&2; exit 7"]);
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (7, "out\n", "boom\n"));
    let end = ledger.only_versions().pop().unwrap();
    assert_eq!(end["execution_status"], "FAILED");
    assert_eq!(end["error_message"], "boom");
    assert_eq!(end["metadata"]["run"]["exit_code"], 7);
    assert_eq!(ledger.json(["errors"])[0]["error_message"], "boom");
}

#[test]
fn silent_and_strange_failures_say_how_they_ended() {
    for (script, code, message) in [
        ("exit 9", 9, "exit code 9".to_owned()),
        ("kill -9 $$", 137, "killed by signal 9".to_owned()),
        (r"printf 'a\000b\377\n' >&2; exit 1", 1, "a\u{fffd}b\u{fffd}".to_owned()),
    ] {
        let ledger = Ledger::new();
        assert_eq!(ledger.call(["run", "--", "sh", "-c", script]).code, code);
        assert_eq!(ledger.only_versions()[1]["error_message"], message.as_str(), "{script}");
    }
    let ledger = Ledger::new();
    let script = "head -c 100000 /dev/zero | tr '\\0' 'x' >&2; echo the end >&2; exit 1";
    ledger.call(["run", "--", "sh", "-c", script]);
    let end = ledger.only_versions().pop().unwrap();
    let message = text(&end, "error_message");
    assert!(message.len() <= 4096 && message.len() > 4000 && message.ends_with("xthe end"), "{}", message.len());
}

#[test]
fn what_can_not_be_executed_is_recorded_as_failed() {
    for (program, code) in [("no-such-program-anywhere", 127), ("/etc/passwd", 126), ("", 127)] {
        let ledger = Ledger::new();
        let run = ledger.call(["run", "--", program]);
        assert_eq!(run.code, code, "{}", run.err);
        assert!(run.err.starts_with("opledger: error: "), "{}", run.err);
        let end = ledger.only_versions().pop().unwrap();
        assert_eq!(end["execution_status"], "FAILED");
        assert_eq!(end["metadata"]["run"]["exit_code"], code);
    }
}

#[test]
fn killed_itself_it_leaves_the_operation_running_and_listed() {
    let ledger = Ledger::new();
    let ready = ledger.dir.path().join("ready");
    let script = format!("touch {}; exec sleep 1", ready.display());
    let mut run = ledger.command(["run", "--", "sh", "-c", &script]).stderr(Stdio::null()).spawn().unwrap();
    wait_for("the child", || ready.exists());
    run.kill().unwrap();
    run.wait().unwrap();
    let listed = ledger.json(["history", "--status", "running"]);
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["execution_status"], "RUNNING");
    assert_eq!(ledger.json(["dashboard"])[6]["metric_value"], 1.0);
}

#[test]
fn sigterm_reaches_the_child_and_the_outcome_is_recorded() {
    let ledger = Ledger::new();
    let ready = ledger.dir.path().join("ready");
    let script = format!("touch {}; exec sleep 30", ready.display());
    let mut run = ledger.command(["run", "--", "sh", "-c", &script]).spawn().unwrap();
    wait_for("the child", || ready.exists());
    kill_process(Pid::from_child(&run), Signal::TERM).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(128 + 15));
    let end = ledger.only_versions().pop().unwrap();
    assert_eq!(end["execution_status"], "FAILED");
    assert_eq!(end["metadata"]["run"]["signal"], 15);
    assert!(end["metadata"]["run"].get("exit_code").is_none());
    assert_eq!(end["error_message"], "killed by signal 15");
}

#[test]
fn a_child_in_the_background_is_not_waited_for() {
    let ledger = Ledger::new();
    let began = Instant::now();
    let mut run =
        ledger.command(["run", "--", "sh", "-c", "sleep 20 & echo $!"]).stdout(Stdio::piped()).spawn().unwrap();
    let code = run.wait().unwrap().code();
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert_eq!(code, Some(0));
    let mut pid = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(run.stdout.take().unwrap()), &mut pid).unwrap();
    let sleeper = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    kill_process(sleeper, Signal::KILL).unwrap();
    assert_eq!(ledger.only_versions()[1]["execution_status"], "COMPLETED");
}

#[test]
fn nested_runs_know_their_parent() {
    let ledger = Ledger::new();
    let own = env!("CARGO_BIN_EXE_opledger");
    ledger.ok(["run", "--name", "outer", "--", own, "run", "--name", "inner", "--", "true"]);
    let history = ledger.history();
    let key = |name: &str| {
        let row = history.iter().find(|row| row["script_name"] == name).unwrap();
        text(row, "script_execution_hk").to_owned()
    };
    let inner = ledger.json(["show", &key("inner")]);
    assert_eq!(inner[1]["metadata"]["run"]["parent"], key("outer").as_str());
    let outer = ledger.json(["show", &key("outer")]);
    assert!(outer[1]["metadata"]["run"].get("parent").is_none());

    let ledger = Ledger::new();
    let run = ledger.command(["run", "--", "true"]).env("OPLEDGER_OPERATION", "nonsense").status().unwrap();
    assert!(run.success());
    assert!(ledger.only_versions()[1]["metadata"]["run"].get("parent").is_none());
}

#[test]
fn the_child_has_its_key_and_everything_after_the_dashes() {
    let ledger = Ledger::new();
    let out = ledger.ok(["run", "--", "sh", "-c", "echo $OPLEDGER_OPERATION; echo \"$@\"", "sh", "--format", "json"]);
    let history = ledger.history();
    assert_eq!(out, format!("{}\n--format json\n", text(&history[0], "script_execution_hk")));
}

#[test]
fn many_at_once_on_one_store_all_succeed() {
    let ledger = Ledger::new();
    let runs: Vec<_> = (0..16)
        .map(|n| ledger.spawn(["run", "--name", &format!("job {n}"), "--", "sh", "-c", "sleep 0.05; echo done"]))
        .collect();
    for run in runs {
        let run = answer(run.wait_with_output().unwrap());
        assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (0, "done\n", ""));
    }
    let history = ledger.json(["history", "--status", "COMPLETED"]);
    assert_eq!(history.len(), 16);
    ledger.ok(["verify"]);
}

#[test]
fn secrets_reach_no_file_of_the_store() {
    let ledger = Ledger::new();
    let secrets = ["hunter2hunter", "tr0ub4dor3", "c0rrecthorse", "b4tterystaple", "zaq12wsx99"];
    let [password, variable, url, option, typed] = secrets;
    let script = format!("echo cannot log in with {password} >&2; exit 1");
    let run = ledger.call([
        "run",
        "--object",
        &format!("postgres://me:{url}@host/db"),
        "--meta",
        &format!("password={option}"),
        "--",
        "env",
        &format!("PGPASSWORD={variable}"),
        "sh",
        "-c",
        &script,
        "sh",
        "--password",
        password,
        &format!("postgres://me:{url}@host/db"),
    ]);
    assert_eq!(run.code, 1);
    assert!(secrets.iter().all(|secret| !ledger.holds(secret)), "in the inbox");
    assert!(ledger.holds("cannot log in with ***"));
    assert!(run.err.contains(password), "the child's own words pass through unchanged");
    let key = ledger.ok(["start", "login"]);
    ledger.ok(["annotate", key.trim(), &format!("token={option}")]);
    ledger.ok(["complete", key.trim(), "--failed", "--error", &format!("--password={typed} refused")]);
    for secret in secrets {
        assert!(!ledger.holds(secret), "{secret}");
    }
    let errors = ledger.call(["errors", "--format", "json"]);
    for secret in secrets {
        assert!(!errors.out.contains(secret), "{secret}");
    }
    assert!(errors.out.contains("cannot log in with ***"), "{}", errors.out);
}

#[test]
fn a_store_that_can_not_be_written_stops_only_the_strict() {
    let ledger = Ledger::new();
    std::fs::write(ledger.store(), "a file, no folder").unwrap();
    let run = ledger.call(["run", "--", "sh", "-c", "echo ran; exit 4"]);
    assert_eq!((run.code, run.out.as_str()), (4, "ran\n"));
    assert!(run.err.starts_with("opledger: warning: the command runs, but is not recorded: "), "{}", run.err);
    let run = ledger.call(["run", "--strict", "--", "echo", "ran"]);
    assert_eq!((run.code, run.out.as_str()), (3, ""), "{}", run.err);
    assert_eq!(ledger.call(["start", "x"]).code, 3);

    let nowhere = |args: &[&str]| {
        let mut command = common::bare();
        for name in ["HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "STATE_DIRECTORY"] {
            command.env_remove(name);
        }
        answer(command.args(args).output().unwrap())
    };
    let run = nowhere(&["run", "--", "echo", "ran"]);
    assert_eq!((run.code, run.out.as_str()), (0, "ran\n"));
    assert!(run.err.contains("warning") && run.err.contains("--store"), "{}", run.err);
    assert_eq!(nowhere(&["history"]).code, 3);
}

#[test]
fn bad_input_is_refused_before_anything_is_run_or_written() {
    let ledger = Ledger::new();
    let long = "x".repeat(256);
    for (args, words) in [
        (vec!["--name", &long], "script_name is 256 characters long; the limit is 255"),
        (vec!["--type", "OVERALL"], "OVERALL"),
        (vec!["--type", &long], "script_type"),
        (vec!["--name", ""], "script_name must not be empty"),
        (vec!["--meta", "run=x"], "reserved"),
        (vec!["--meta", "=x"], "empty"),
        (vec!["--meta", "x"], "KEY=VALUE"),
    ] {
        let run = ledger.call([vec!["run"], args.clone(), vec!["--", "echo", "ran"]].concat());
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{args:?} {}", run.err);
        assert!(run.err.starts_with("opledger: error: ") && run.err.contains(words), "{}", run.err);
    }
    assert!(!ledger.store().exists());
    let fits = "é".repeat(255);
    ledger.ok(["run", "--name", &fits, "--", "true"]);
    assert_eq!(ledger.history()[0]["script_name"], fits.as_str());
}

#[test]
fn a_long_command_line_is_cut_but_runs() {
    let ledger = Ledger::new();
    let argument = "y".repeat(100_000);
    ledger.ok(["run", "--", "true", &argument, &argument, &argument]);
    let end = ledger.only_versions().pop().unwrap();
    assert_eq!(text(&end, "script_name").len(), 255);
    assert_eq!(end["metadata"]["run"]["argv_omitted"], 2);
}

#[test]
fn a_store_in_memory_is_accepted() {
    let ledger = Ledger::new();
    let run = ledger.call(["--store", "memory:", "run", "--", "sh", "-c", "exit 3"]);
    assert_eq!((run.code, run.err.as_str()), (3, ""));
    assert!(!ledger.store().exists());
}
