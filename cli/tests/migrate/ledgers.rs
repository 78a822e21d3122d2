//! Where the operations go: a local store, or the database that is migrated.

use crate::common::text;
use crate::project::{Project, names};
use crate::support::{call, json, rows, schema, url};

const FILES: [(&str, &str); 2] = [("V1__a.sql", "CREATE TABLE a (id int);"), ("V2__b.sql", "SELECT 1/0;")];

#[test]
fn an_installation_takes_over_what_a_run_before_it_made() {
    let project = Project::new(&FILES[..1]);
    project.up();
    let install = schema(&project.database, "install", &[]);
    assert_eq!(install.code, 0, "{}{}", install.out, install.err);
    // What broke: table and function stayed the migrating user's, and doctor failed.
    let doctor = schema(&project.database, "doctor", &[]);
    let bad: Vec<_> = rows(&doctor).into_iter().filter(|row| row["status"] != "OK").collect();
    assert!(doctor.code == 0 && bad.is_empty(), "{bad:?}");
    assert_eq!(project.statuses(), ["APPLIED"]);
    project.write("V2__b.sql", "CREATE TABLE b (id int);");
    assert_eq!(project.up(), ["V2__b.sql"]);
    let doctor = schema(&project.database, "doctor", &[]);
    assert_eq!(doctor.code, 0, "{}", doctor.out);
}

#[test]
fn the_ledger_may_be_in_the_database_that_is_migrated() {
    let project = Project::installed(&FILES);
    let store = url(&project.database, "postgres");
    let on_server = |action: &[&str]| {
        let answer = call(project.command(action).env("OPLEDGER_STORE", &store).args(["--format", "json"]));
        (rows(&answer), answer.code)
    };
    let (ran, code) = on_server(&["up"]);
    assert_eq!((ran.len(), code, text(&ran[1], "error_code")), (2, 1, "22012"), "{ran:?}");
    let history = json(&store, ["history", "--type", "MIGRATION"]);
    let of_files: Vec<_> =
        history.iter().map(|row| (text(row, "script_name"), text(row, "execution_status"))).collect();
    assert_eq!(of_files, [("Migration 2: V2__b.sql", "FAILED"), ("Migration 1: V1__a.sql", "COMPLETED")]);
    assert!(project.ledger.history().is_empty());

    project.write("V2__b.sql", "CREATE TABLE b (id int);");
    assert_eq!(names(&on_server(&["up"]).0, "APPLIED"), ["V2__b.sql"]);
    let verify = call(crate::support::opledger().env("OPLEDGER_STORE", &store).arg("verify"));
    assert_eq!(verify.code, 0, "{}{}", verify.out, verify.err);
}

#[test]
fn without_a_ledger_nothing_is_run() {
    let project = Project::new(&FILES);
    let store = url(&project.database, "postgres");
    let answer = call(project.command(&["up"]).env("OPLEDGER_STORE", &store));
    assert_eq!(answer.code, 3, "{}{}", answer.out, answer.err);
    assert!(answer.err.contains("install"), "{}", answer.err);
    assert!(!project.has("a"));
}
