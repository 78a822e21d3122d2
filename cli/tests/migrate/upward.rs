//! What runs, in which order, and what a dry run leaves alone.

use crate::common::text;
use crate::project::{Project, names};

const TWO: [(&str, &str); 2] = [
    ("V1__shop.sql", "CREATE TABLE shop (id int);\nINSERT INTO shop VALUES (1);"),
    ("V2__more.sql", "ALTER TABLE shop ADD name text;"),
];

#[test]
fn each_file_runs_once_and_is_one_operation() {
    let project = Project::new(&TWO);
    assert_eq!(project.statuses(), ["PENDING", "PENDING"]);
    assert_eq!(project.up(), ["V1__shop.sql", "V2__more.sql"]);
    assert_eq!(project.statuses(), ["APPLIED", "APPLIED"]);
    assert_eq!(project.up(), [""; 0]);
    let answer = project.call(&["up"]);
    assert_eq!((answer.code, answer.out.as_str()), (0, ""));
    assert!(answer.err.contains("nothing to run"), "{}", answer.err);
    assert_eq!(project.value("SELECT count(*)::text FROM shop"), "1");

    let history = project.ledger.history();
    assert_eq!(history.len(), 2, "{history:?}");
    let first = &history[1];
    assert_eq!(text(first, "script_name"), "Migration 1: V1__shop.sql");
    assert_eq!((text(first, "script_type"), text(first, "execution_status")), ("MIGRATION", "COMPLETED"));
    let (status, _) = project.json(&["status"]);
    assert_eq!(status[0]["script_execution_hk"], first["script_execution_hk"]);
}

#[test]
fn a_dry_run_changes_nothing() {
    let project = Project::new(&TWO);
    let before = project.dump();
    let (plan, code) = project.json(&["up", "--dry-run"]);
    assert_eq!((plan.len(), code), (2, 0));
    assert_eq!((plan[0]["statements"].as_i64(), text(&plan[0], "direction")), (Some(2), "up"));
    assert_eq!(project.dump(), before);
    assert!(project.ledger.history().is_empty());

    project.write("V1__shop.down.sql", "DROP TABLE shop;");
    project.write("V2__more.down.sql", "ALTER TABLE shop DROP name;");
    project.up();
    let (before, operations) = (project.dump(), project.ledger.history().len());
    let (plan, code) = project.json(&["down", "--to", "0", "--dry-run"]);
    assert_eq!((plan.len(), code), (2, 0));
    assert_eq!(project.json(&["up", "--dry-run"]).0.len(), 0);
    assert_eq!((project.dump(), project.ledger.history().len()), (before, operations));
}

#[test]
fn repeatable_files_run_when_they_changed_and_after_the_versions() {
    let project = Project::new(&TWO);
    project.write("R__view.sql", "CREATE OR REPLACE VIEW names AS SELECT name FROM shop;");
    let (rows, _) = project.json(&["up", "--to", "1"]);
    assert_eq!(names(&rows, "APPLIED"), ["V1__shop.sql"]);
    assert_eq!(project.up(), ["V2__more.sql", "R__view.sql"]);
    assert_eq!(project.up(), [""; 0]);
    project.write("R__view.sql", "CREATE OR REPLACE VIEW names AS SELECT name, 1 AS one FROM shop;");
    assert_eq!(project.status("R__view.sql").0, "OUTDATED");
    assert_eq!(project.json(&["verify"]).1, 0);
    assert_eq!(project.up(), ["R__view.sql"]);
    assert_eq!(project.value("SELECT count(one)::text FROM names"), "1");
}

#[test]
fn a_lower_version_runs_only_when_asked() {
    let project = Project::new(&TWO);
    project.up();
    project.write("V1.5__between.sql", "CREATE TABLE between (id int);");
    assert!(project.refused(&["up"], 1).contains("--out-of-order"));
    assert_eq!(project.refused(&["up", "--dry-run"], 1).matches("V1.5__between.sql").count(), 1);
    assert_eq!(project.json(&["verify"]).1, 1);
    assert!(!project.has("between"));
    let (rows, code) = project.json(&["up", "--out-of-order"]);
    assert_eq!((names(&rows, "APPLIED"), code), (vec!["V1.5__between.sql".to_owned()], 0));
    assert_eq!(project.json(&["verify"]).1, 0);
}

#[test]
fn down_takes_back_the_newest_and_all_or_none_of_what_was_asked() {
    let project = Project::new(&TWO);
    project.write("V2__more.down.sql", "ALTER TABLE shop DROP name;");
    project.up();
    let said = project.refused(&["down", "--to", "0"], 2);
    assert!(said.contains("V1__shop.down.sql"), "{said}");
    assert_eq!(project.statuses(), ["APPLIED", "APPLIED"]);
    let (rows, code) = project.json(&["down"]);
    assert_eq!((names(&rows, "REVERTED"), code), (vec!["V2__more.down.sql".to_owned()], 0));
    assert_eq!(project.statuses(), ["APPLIED", "REVERTED"]);
    assert_eq!(
        project.value("SELECT count(*)::text FROM pg_attribute WHERE attrelid = 'shop'::regclass AND attname = 'name'"),
        "0"
    );
    assert!(project.newest_operation()[0].to_string().contains("down"));
    assert_eq!(project.up(), ["V2__more.sql"]);

    project.write("V2__more.down.sql", "ALTER TABLE shop DROP name;\nSELECT 1/0;");
    let (rows, code) = project.json(&["down"]);
    assert_eq!((names(&rows, "FAILED").len(), code), (1, 1));
    assert_eq!(project.statuses(), ["APPLIED", "APPLIED"]);
}

#[test]
fn a_baseline_is_what_the_database_has_already() {
    let project = Project::new(&TWO);
    project.run_sql("CREATE TABLE shop (id int)");
    let (rows, code) = project.json(&["baseline", "1"]);
    assert_eq!((rows.len(), code, text(&rows[0], "migration_status")), (1, 0, "BASELINE"));
    assert_eq!(project.statuses(), ["BASELINE", "PENDING"]);
    assert_eq!(project.newest_operation().len(), 2);
    assert_eq!(project.up(), ["V2__more.sql"]);
    assert!(project.refused(&["baseline", "2"], 1).contains("nothing was changed"));
    project.write("V2__more.down.sql", "ALTER TABLE shop DROP name;");
    let said = project.refused(&["down", "--to", "0"], 2);
    assert!(said.contains("before its migrations were tracked"), "{said}");
}
