//! Every command on a store in PostgreSQL, beside the embedded one.

use std::process::Stdio;

use serde_json::Value;

use crate::common::{Ledger, text, wait_for};
use crate::support::{count, installed, json, on, opledger, url};

/// What differs between two runs of the same work.
const VOLATILE: [&str; 12] = [
    "script_execution_hk",
    "load_date",
    "load_end_date",
    "hash_diff",
    "execution_timestamp",
    "execution_duration_ms",
    "last_updated",
    "last_checked",
    "checked_at",
    "details",
    "run",
    "tenant_hk",
];

fn steady(rows: Vec<Value>) -> Vec<Value> {
    fn mask(value: &mut Value) {
        match value {
            Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| {
                if VOLATILE.contains(&name.as_str()) {
                    *value = Value::from(value.is_null());
                } else {
                    mask(value);
                }
            }),
            Value::Array(values) => values.iter_mut().for_each(mask),
            _ => {}
        }
    }
    let mut value = Value::from(rows);
    mask(&mut value);
    value.as_array().unwrap().clone()
}

/// Rows that are no durations, nor of PostgreSQL alone.
fn comparable(rows: Vec<Value>) -> Vec<Value> {
    let telling = |row: &Value| {
        let of = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
        let metric = of("metric_name") + &of("health_metric");
        !metric.contains("duration")
            && metric != "system_health_score"
            && !["CAPTURE", "LOG", "SYNC"].contains(&&*of("health_category"))
    };
    // A category's rating goes by durations too.
    rows.into_iter()
        .filter(telling)
        .map(|mut row| {
            row.as_object_mut().unwrap().remove("performance_rating");
            row
        })
        .collect()
}

/// The same work on a store; gives the keys of the operations.
fn work(store: &str) -> Vec<String> {
    let ok = |args: &[&str]| {
        let answer = on(store, args.iter().copied());
        assert_eq!(answer.code, 0, "{args:?}: {}", answer.err);
        answer.out.trim().to_owned()
    };
    let load = ok(&["start", "Nightly load", "--type", "MAINTENANCE"]);
    ok(&["annotate", &load, "rows=1200", "phase=load"]);
    ok(&["complete", &load]);
    let move_ = ok(&["start", "Move"]);
    ok(&["complete", &move_, "--failed", "--error", "no power in row 7"]);
    let open = ok(&["start", "Open"]);
    assert_eq!(ok(&["run", "--name", "Copy", "--object", "a", "--meta", "ticket=7", "--", "echo", "hi"]), "hi");
    assert_eq!(on(store, ["run", "--name", "Bad", "--", "sh", "-c", "echo broken >&2; exit 3"]).code, 3);
    vec![load, move_, open]
}

#[test]
fn every_command_gives_what_it_gives_on_an_embedded_store() {
    let (database, ledger) = (installed(), Ledger::new());
    let (server, embedded) = (url(&database, "admin"), ledger.url());
    let (theirs, ours) = (work(&server), work(&embedded));
    for args in [
        vec!["history"],
        vec!["history", "--status", "FAILED", "--limit", "1"],
        vec!["history", "--type", "MAINTENANCE", "--days", "1"],
        vec!["errors"],
        vec!["dashboard"],
        vec!["metrics"],
        vec!["verify"],
        vec!["health"],
        vec!["cleanup", "--retention-days", "1", "--dry-run"],
        vec!["cleanup", "--retention-days", "1"],
    ] {
        let there = comparable(steady(json(&server, &args)));
        assert!(!there.is_empty(), "{args:?}");
        assert_eq!(there, comparable(steady(json(&embedded, &args))), "{args:?}");
    }
    for (there, here) in theirs.iter().zip(&ours) {
        assert_eq!(steady(json(&server, ["show", there])), steady(json(&embedded, ["show", here])));
    }
    let versions = json(&server, ["show", &theirs[0]]);
    assert_eq!(versions.len(), 3);
    let at = text(&versions[0], "load_date").to_owned();
    assert_eq!(json(&server, ["show", &theirs[0], "--as-of", &at]), versions[..1]);
    assert_eq!(count(&database, "script_tracking.script_execution_h"), 5);
    // A finished operation is not finished again, and an unknown one not at all: bad input, as everywhere.
    assert_eq!(on(&server, ["complete", &theirs[0]]).code, 2);
    assert_eq!(on(&server, ["complete", &"0".repeat(64)]).code, 2);
}

#[test]
fn both_schemes_and_the_option_name_the_store() {
    let database = installed();
    let store = url(&database, "writer").replacen("postgres:", "postgresql:", 1);
    let answer = crate::support::call(opledger().args(["start", "x", "--store", &store]));
    assert_eq!((answer.code, answer.err.as_str()), (0, ""));
    assert_eq!(json(&store, ["history"]).len(), 1);
}

#[test]
fn a_tenant_has_its_own_rows() {
    let database = installed();
    let (admin, acme) = (url(&database, "admin"), url(&database, "acme"));
    let tenant = opledger::hash_key("acme").to_string();
    assert_eq!(on(&admin, ["start", "system's"]).code, 0);
    assert_eq!(on(&acme, ["--tenant", &tenant, "run", "--name", "acme's", "--", "true"]).code, 0);
    let names = |store: &str, tenant: &str| -> Vec<String> {
        json(store, ["--tenant", tenant, "history"]).iter().map(|row| text(row, "script_name").to_owned()).collect()
    };
    assert_eq!(names(&acme, &tenant), ["acme's"]);
    assert_eq!(names(&acme, "all"), ["acme's"]);
    assert_eq!(names(&admin, "all"), ["acme's", "system's"]);
    assert_eq!(json(&admin, ["history"]).len(), 1);
    let refused = on(&acme, ["start", "not mine"]);
    assert_eq!(refused.code, 3);
    assert!(refused.err.contains(&format!("It is bound to tenant {tenant}")), "{}", refused.err);
}

#[test]
fn run_keeps_no_connection_while_its_command_runs() {
    let (database, folder) = (installed(), tempfile::tempdir().unwrap());
    let script = "touch started; until [ -e go ]; do sleep 0.02; done";
    let mut running = opledger()
        .current_dir(folder.path())
        .env("OPLEDGER_STORE", url(&database, "writer"))
        .args(["run", "--", "sh", "-c", script])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_for("the command", || folder.path().join("started").exists());
    let sessions = format!("pg_stat_activity WHERE datname = '{}' AND usename = 'writer'", database.name());
    wait_for("the end of the connection", || count(&database, &sessions) == 0);
    assert_eq!(count(&database, "script_tracking.running_operations"), 1);
    std::fs::write(folder.path().join("go"), "").unwrap();
    assert!(running.wait().unwrap().success());
    assert_eq!(count(&database, "script_tracking.running_operations"), 0);
}
