//! Files that are not what was run, and what repair does about them.

use crate::common::text;
use crate::project::Project;

fn three() -> Project {
    let project = Project::new(&[
        ("V1__a.sql", "CREATE TABLE a (id int);"),
        ("V2__b.sql", "CREATE TABLE b (id int);"),
        ("V3__c.sql", "CREATE TABLE c (id int);"),
    ]);
    project.up();
    project
}

#[test]
fn a_changed_file_fails_the_check_and_stops_a_run() {
    let project = three();
    project.write("V2__b.sql", "CREATE TABLE b (id bigint);");
    project.write("V4__d.sql", "CREATE TABLE d (id int);");
    let (found, code) = project.json(&["verify"]);
    assert_eq!((found.len(), code), (1, 1), "{found:?}");
    assert_eq!((text(&found[0], "migration_file"), text(&found[0], "migration_status")), ("V2__b.sql", "CHANGED"));
    let said = project.refused(&["up"], 1);
    assert!(said.contains("V2__b.sql is CHANGED") && said.contains("--accept"), "{said}");
    assert!(!project.has("d"));
    assert_eq!(project.ledger.history().len(), 3);

    // Without its name nothing is accepted.
    let answer = project.call(&["repair"]);
    assert!(answer.code == 0 && answer.err.contains("nothing to repair"), "{}", answer.err);
    assert_eq!(project.json(&["verify"]).1, 1);
    let said = project.refused(&["repair", "--accept", "V3__c.sql"], 2);
    assert!(said.contains("nothing to accept"), "{said}");

    let (done, code) = project.json(&["repair", "--accept", "V2__b.sql"]);
    assert_eq!((done.len(), code, text(&done[0], "repaired")), (1, 0, "V2__b.sql"));
    let versions = project.newest_operation();
    assert_eq!(text(&versions[0], "script_name"), "Migrations: repair");
    assert_eq!(text(&versions[0], "execution_status"), "COMPLETED");
    assert!(versions[0].to_string().contains("V2__b.sql"), "{versions:?}");
    assert_eq!(project.json(&["verify"]).1, 0);
    assert_eq!(project.up(), ["V4__d.sql"]);
}

#[test]
fn a_missing_file_fails_the_check_and_stops_a_run() {
    let project = three();
    project.remove("V2__b.sql");
    project.write("V4__d.sql", "CREATE TABLE d (id int);");
    let (found, code) = project.json(&["verify"]);
    assert_eq!((found.len(), code, text(&found[0], "migration_status")), (1, 1, "MISSING"), "{found:?}");
    let said = project.refused(&["up"], 1);
    assert!(said.contains("V2__b.sql is MISSING") && said.contains("restore the file"), "{said}");
    assert!(!project.has("d"));
    project.write("V2__b.sql", "CREATE TABLE b (id int);");
    assert_eq!(project.up(), ["V4__d.sql"]);
}
