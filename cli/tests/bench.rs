//! `opledger bench`, tiny: what it prints, what it refuses, how it ends.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::path::Path;
use std::process::{Command, Stdio};

use common::{Answer, answer, bare, text, wait_for};
use serde_json::Value;

/// The command with its temporary files below `dir`.
fn bench(dir: &Path, args: &[&str]) -> Command {
    let mut command = bare();
    command.env("TMPDIR", dir).env_remove("OPLEDGER_BENCH_DIR").arg("bench").args(args);
    command
}

fn call(dir: &Path, args: &[&str]) -> Answer {
    answer(bench(dir, args).output().unwrap())
}

fn is_empty(dir: &Path) -> bool {
    std::fs::read_dir(dir).unwrap().next().is_none()
}

#[test]
fn every_engine_is_measured_recounted_and_told() {
    let (dir, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let page = out.path().join("bench.html");
    let args = ["--operations", "40", "--repeat", "1", "--writers", "3", "--format", "json", "--html"];
    let done = call(dir.path(), &[&args[..], &[page.to_str().unwrap()]].concat());
    assert_eq!(done.code, 0, "{}", done.err);
    let rows: Vec<Value> = serde_json::from_str(&done.out).unwrap();
    for row in &rows {
        assert_eq!(text(row, "recount"), "ok", "{row}");
        let figure = |field: &str| row[field].as_f64().unwrap_or_else(|| panic!("{field} of {row}"));
        assert!(0.0 < figure("min") && figure("min") <= figure("median") && figure("median") <= figure("max"), "{row}");
        assert!(figure("bytes_per_operation") > 100.0 && figure("peak_memory_bytes") > 1e6, "{row}");
        assert_eq!((&row["repetitions"], text(row, "unit").is_empty()), (&1.into(), false), "{row}");
    }
    let subjects = |workload: &str| {
        let of = rows.iter().filter(|row| row["workload"] == workload);
        of.map(|row| text(row, "subject")).collect::<Vec<_>>().join(" ")
    };
    let engines = "sled redb fjall plain-sled plain-redb plain-fjall sqlite";
    assert_eq!(subjects("mixed"), format!("{engines} sqlite-grouped"));
    for workload in ["history", "dashboard", "reopen", "cleanup"] {
        assert_eq!(subjects(workload), engines, "{workload}");
    }
    for workload in ["buffered", "durable"] {
        assert_eq!(subjects(workload), format!("{engines} append-file"), "{workload}");
        assert_eq!(subjects(&format!("{workload}-writers")), format!("{engines} sqlite-grouped append-file"));
    }
    // Baselines have nothing to sync with.
    assert_eq!(subjects("sync"), "sled redb fjall");
    let beside = |row: &&Value| ["sled", "redb", "fjall"].contains(&text(row, "subject")) && row["workload"] != "sync";
    for row in rows.iter().filter(beside) {
        for ratio in ["speed_to_plain", "speed_to_sqlite", "bytes_to_plain"] {
            assert!(row[ratio].as_f64().is_some_and(|ratio| ratio >= 0.0), "{ratio} of {row}");
        }
    }
    let page = std::fs::read_to_string(page).unwrap();
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let page = roxmltree::Document::parse_with_options(&page, options).unwrap();
    assert_eq!(page.descendants().filter(|node| node.has_tag_name("svg")).count(), 10, "one plot a workload");
    assert!(is_empty(dir.path()), "a temporary folder was left");
}

#[test]
fn a_store_that_has_anything_in_it_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("ledger");
    let url = format!("sled:{}", store.display());
    let mut start = bare();
    assert!(start.args(["--store", &url, "start", "mine"]).output().unwrap().status.success());
    let before = common::files(&store);
    let refused = call(dir.path(), &["--quick", "--store", &url]);
    assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{}", refused.err);
    assert!(refused.err.contains("is not empty: a bench writes into empty folders only"), "{}", refused.err);
    assert_eq!(common::files(&store), before);

    let file = dir.path().join("file");
    std::fs::write(&file, "mine").unwrap();
    let refused = call(dir.path(), &["--store", &format!("redb:{}", file.display())]);
    assert!(refused.code == 2 && refused.err.contains("is no folder"), "{}", refused.err);
}

#[test]
fn stores_of_the_command_line_are_measured_where_they_are_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let (empty, new) = (dir.path().join("empty"), dir.path().join("new"));
    std::fs::create_dir(&empty).unwrap();
    let (redb, fjall) = (format!("redb:{}", empty.display()), format!("fjall:{}", new.display()));
    let common = ["--workload", "buffered,history", "--operations", "30", "--repeat", "1", "--no-baselines"];
    let stores = ["--store", &redb, "--store", &fjall, "--store", "memory:", "--format", "csv"];
    let done = call(dir.path(), &[&common[..], &stores].concat());
    assert_eq!(done.code, 0, "{}", done.err);
    let names: Vec<_> = done.out.lines().map(|line| line.split(',').take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        names,
        [
            "workload subject",
            "buffered redb",
            "buffered fjall",
            "buffered memory",
            "history redb",
            "history fjall",
            "history memory"
        ]
    );
    assert!(is_empty(&empty) && !new.exists(), "what a bench makes it removes, and nothing else");
}

#[test]
fn bad_usage_is_told_before_anything_runs() {
    let dir = tempfile::tempdir().unwrap();
    for (args, words) in [
        (vec!["--workload", "sleep"], "the workloads are buffered, "),
        (vec!["--operations", "1"], "--operations"),
        (vec!["--writers", "0"], "--writers"),
        (vec!["--repeat", "0"], "--repeat"),
        (vec!["--store", "memory:", "--store", "memory:"], "given twice"),
        (vec!["--store", "mysql://u:s3cretword@h/d"], "no scheme of a store URL"),
        (vec!["--store", "memory:", "--workload", "durable", "--no-baselines"], "none of the stores"),
    ] {
        let bad = call(dir.path(), &args);
        assert_eq!((bad.code, bad.out.as_str()), (2, ""), "{args:?} {}", bad.err);
        assert!(bad.err.contains(words) && !bad.err.contains("s3cretword"), "{args:?}: {}", bad.err);
    }
    let nowhere = call(dir.path(), &["--quick", "--html", "/nowhere/bench.html"]);
    assert!(nowhere.code == 3 && nowhere.out.is_empty() && nowhere.err.contains("/nowhere"), "{}", nowhere.err);
    assert!(is_empty(dir.path()));
}

#[test]
fn an_interrupt_tells_what_was_finished_and_leaves_no_files() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let url = format!("redb:{}", store.display());
    // The second workload stores 25 times as much as the first one writes.
    let args = ["--workload", "durable,history", "--operations", "2000", "--repeat", "1", "--no-baselines"];
    let mut command = bench(dir.path(), &[&args[..], &["--format", "csv", "--store", &url]].concat());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = child.id().to_string();
    wait_for("the second workload", || store.join("stored-redb").exists());
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let ended = answer(child.wait_with_output().unwrap());
    assert_eq!(ended.code, 130, "{}", ended.err);
    let lines: Vec<_> = ended.out.lines().collect();
    assert!(lines.len() == 2 && lines[1].starts_with("durable,redb,400,1,"), "{}", ended.out);
    assert!(ended.err.contains("what was finished"), "{}", ended.err);
    assert!(is_empty(dir.path()), "a folder was left");
}

#[test]
fn a_full_disk_is_told_as_one() {
    let dir = tempfile::tempdir().unwrap();
    common::with_small_disk("a_full_disk_is_told_as_one", dir.path(), "24m", |small| {
        for store in ["sled", "redb", "fjall"] {
            let url = format!("{store}:{}/{store}", small.display());
            let args = ["--workload", "buffered", "--operations", "200000", "--repeat", "1", "--no-baselines"];
            let full = call(small, &[&args[..], &["--store", &url]].concat());
            assert_eq!(full.code, 3, "{store}: {}", full.err);
            assert!(full.err.contains(&format!("buffered on {store}")), "{}", full.err);
            assert!(full.err.contains("Make room on the disk"), "{store}: {}", full.err);
            assert!(is_empty(small), "{store}");
        }
    });
}
