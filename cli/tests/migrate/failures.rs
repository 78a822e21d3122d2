//! Files that fail, and what cannot be reached.

use crate::common::text;
use crate::project::Project;
use crate::support::{SECRET, call, opledger};

#[test]
fn a_failure_in_the_third_of_five_keeps_the_first_two_and_says_where() {
    let project = Project::new(&[
        ("V1__a.sql", "CREATE TABLE a (id int);"),
        ("V2__b.sql", "CREATE TABLE b (id int);"),
        ("V3__c.sql", "CREATE TABLE c (id int);\n\nINSERT INTO c\nSELECT 1/0;\nSELECT 2;"),
        ("V4__d.sql", "CREATE TABLE d (id int);"),
        ("V5__e.sql", "CREATE TABLE e (id int);"),
    ]);
    let (rows, code) = project.json(&["up"]);
    assert_eq!((rows.len(), code), (3, 1), "{rows:?}");
    assert_eq!((text(&rows[2], "migration_status"), text(&rows[2], "error_code")), ("FAILED", "22012"));
    assert_eq!(rows[2]["error_line"], 3);
    assert_eq!(project.statuses(), ["APPLIED", "APPLIED", "FAILED", "PENDING", "PENDING"]);
    assert!(project.has("b") && !project.has("c") && !project.has("d"));

    // What broke: 08006 was stored, because the server's answer was not found among the causes.
    let failed = project.newest_operation();
    let last = &failed[0];
    assert_eq!(text(last, "execution_status"), "FAILED", "{failed:?}");
    let stored = last.to_string();
    for known in ["22012", "division by zero", "V3__c.sql", "line 3", "ROLLED_BACK"] {
        assert!(stored.contains(known), "{known}: {stored}");
    }
    assert!(!stored.contains("08006"), "{stored}");
    assert!(project.status("V3__c.sql").1.contains("22012: division by zero"));

    let said = project.refused(&["up"], 1);
    assert!(said.contains("V3__c.sql, line 3, statement 2: 22012: division by zero"), "{said}");
    assert!(said.contains("Nothing of the file is left"), "{said}");

    project.write("V3__c.sql", "CREATE TABLE c (id int);");
    assert_eq!(project.up(), ["V3__c.sql", "V4__d.sql", "V5__e.sql"]);
    assert_eq!(project.json(&["verify"]).1, 0);
}

#[test]
fn the_line_is_the_one_the_server_means() {
    let project = Project::new(&[("V1__a.sql", "SELECT 1;\n\nSELECT\n  1,\n  no_such_column;")]);
    let (rows, code) = project.json(&["up"]);
    assert_eq!((code, text(&rows[0], "error_code"), rows[0]["error_line"].as_i64()), (1, "42703", Some(5)), "{rows:?}");
}

#[test]
fn what_would_fail_at_the_commit_is_a_failure_of_the_file() {
    let deferred = "CREATE TABLE a (id int UNIQUE DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO a VALUES (1), (1);";
    let project = Project::new(&[("V1__a.sql", deferred)]);
    let (rows, code) = project.json(&["up"]);
    assert_eq!((code, text(&rows[0], "error_code")), (1, "23505"), "{rows:?}");
    assert!(!project.has("a"));
    assert_eq!(project.statuses(), ["FAILED"]);
    assert!(project.status("V1__a.sql").1.contains("at the commit"));
}

#[test]
fn what_a_file_sets_ends_with_it() {
    let project = Project::new(&[
        ("V1__a.sql", "CREATE SCHEMA other; CREATE ROLE weak; SET search_path = other; SET ROLE weak;"),
        ("V2__b.sql", "CREATE TABLE b (id int);"),
    ]);
    assert_eq!(project.up().len(), 2);
    assert!(project.has("public.b"));
}

#[test]
fn a_file_that_leaves_a_transaction_open_is_told() {
    let project = Project::new(&[("V1__a.sql", "-- opledger: no-transaction\nBEGIN; CREATE TABLE a (id int);")]);
    let said = project.refused(&["up"], 1);
    assert!(said.contains("end it with COMMIT"), "{said}");
    assert!(!project.has("a"));
    assert_eq!(project.status("V1__a.sql").0, "PARTIAL");
}

#[test]
fn exit_codes_tell_usage_from_what_is_not_there() {
    let project = Project::new(&[("V1__a.sql", "SELECT 1;")]);
    let folder = project.folder.path();
    let database = format!("postgres://postgres:{SECRET}@/test?host=/nonexistent&connect_timeout=1");
    for action in ["status", "up", "down", "verify", "repair", "import"] {
        let mut command = opledger();
        command.env("OPLEDGER_STORE", project.ledger.url()).args(["migrate", action]).arg(folder);
        let answer = call(command.args(["--database", &database]));
        assert_eq!(answer.code, 3, "{action}: {}{}", answer.out, answer.err);
        assert!(answer.err.contains("/nonexistent"), "{action}: {}", answer.err);
    }
    for wrong in [
        &["up", "--to", "7"][..],
        &["up", "--to", "x"],
        &["down", "--to", "7"],
        &["repair", "--accept", "x.sql"],
        &["sideways"],
    ] {
        assert_eq!(project.call(wrong).code, 2, "{wrong:?}");
    }
    project.write("V01__b.sql", "SELECT 2;");
    project.write("a.sql", "SELECT 2;");
    let said = project.refused(&["up"], 2);
    assert!(
        said.contains("V01__b.sql and V1__a.sql have one version")
            || said.contains("V1__a.sql and V01__b.sql have one version"),
        "{said}"
    );
    assert!(said.contains("a.sql: names are"), "{said}");
    assert!(project.ledger.history().is_empty());
    let mut nowhere = opledger();
    nowhere.env("OPLEDGER_STORE", project.ledger.url()).args(["migrate", "up", "/nonexistent/folder"]);
    assert_eq!(call(nowhere.args(["--database", &database])).code, 2);
}
