//! `sync` and `copy`, with the real binary on real stores.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use common::{Ledger, text};

fn filled() -> Ledger {
    let ledger = Ledger::new();
    for n in 0..5 {
        let hk = ledger.ok(["start", &format!("job {n}"), "--type", "BACKUP"]);
        if n != 4 {
            ledger.ok(["complete", hk.trim()]);
        }
    }
    ledger
}

fn server(ledger: &Ledger) -> String {
    format!("redb:{}", ledger.dir.path().join("server").display())
}

#[test]
fn what_waits_arrives_and_status_says_so() {
    let ledger = filled();
    let to = server(&ledger);
    let sent = ledger.json(["sync", "--to", &to, "--name", "agent-7"]);
    assert_eq!((&sent[0]["versions"], &sent[0]["conflicts"]), (&9.into(), &0.into()));
    assert_eq!(ledger.json(["sync", "--to", &to, "--name", "agent-7"])[0]["versions"], 0);
    let there = ledger.json(["--store", &to, "history"]);
    assert_eq!(there, ledger.history(), "sync records no operation of its own");

    ledger.ok(["start", "one more"]);
    let status = ledger.json(["sync", "--status"]);
    assert_eq!((text(&status[0], "direction"), text(&status[0], "agent")), ("to", "agent-7"));
    assert_eq!(status[0]["waiting_versions"], 1);
    let status = ledger.json(["--store", &to, "sync", "--status"]);
    assert_eq!((text(&status[0], "direction"), &status[0]["versions"]), ("from", &9.into()));
    assert!(ledger.ok(["sync", "--status"]).contains("agent-7"));
    let health = ledger.json(["health"]);
    let rows = health.iter().filter(|row| row["health_category"] == "SYNC");
    assert_eq!(rows.map(|row| text(row, "health_metric")).collect::<Vec<_>>(), ["backlog", "last_sync", "conflicts"]);
}

#[test]
fn another_store_under_the_same_name_is_refused() {
    let (one, two) = (filled(), filled());
    let to = server(&one);
    one.ok(["sync", "--to", &to]);
    let refused = two.call(["sync", "--to", &to]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("--new-store") && refused.err.contains("name"), "{}", refused.err);
    two.ok(["sync", "--to", &to, "--name", "two"]);
    assert_eq!(two.json(["--store", &to, "history"]).len(), 10);
}

#[test]
fn retention_waits_for_the_sync() {
    let ledger = filled();
    ledger.ok(["sync", "--to", &server(&ledger)]);
    let preview = ledger.json(["cleanup", "--retention-days", "365", "--dry-run", "--even-unsynced"]);
    assert_eq!(preview[0]["operations"], 0);
}

#[test]
fn a_copy_is_compared_and_a_difference_exits_1() {
    let ledger = filled();
    let to = server(&ledger);
    let from = ledger.url();
    let copied = ledger.json(["copy", "--from", &from, "--to", &to]);
    assert_eq!(
        (&copied[0]["operations"], &copied[0]["versions"], &copied[0]["differences"]),
        (&5.into(), &9.into(), &0.into())
    );
    assert_eq!(ledger.json(["--store", &to, "history"]), ledger.history());
    // The same operation ends there in another way.
    let running = ledger.history().into_iter().find(|row| row["execution_status"] == "RUNNING").unwrap();
    let hk = text(&running, "script_execution_hk");
    ledger.ok(["--store", &to, "complete", hk, "--failed"]);
    ledger.ok(["complete", hk]);
    let differs = ledger.call(["copy", "--from", &from, "--to", &to]);
    assert_eq!(differs.code, 1, "{}", differs.err);
    assert!(differs.out.contains("open version differs"), "{}", differs.out);
}

#[test]
fn what_can_not_be_is_said_and_nothing_is_made() {
    let ledger = filled();
    let from = ledger.url();
    for (args, code, words) in [
        (vec!["sync", "--to", "memory:"], 2, "gone when the command ends"),
        (vec!["sync", "--to", &from], 2, "the same store"),
        (vec!["sync"], 2, "--to"),
        (vec!["sync", "--to", "nonsense"], 2, "no scheme"),
        (vec!["sync", "--to", "sled:/proc/nowhere"], 3, "/proc/nowhere"),
        (vec!["copy", "--from", "sled:/no/such", "--to", "redb:/tmp/never"], 3, "nothing to copy"),
        (vec!["copy", "--from", &from, "--to", &from], 2, "the same store"),
    ] {
        let answer = ledger.call(&args);
        assert_eq!(answer.code, code, "{args:?}: {}", answer.err);
        assert!(answer.err.contains(words), "{args:?}: {}", answer.err);
    }
    assert!(!std::path::Path::new("/tmp/never").exists());
}
