//! The histories of other tools, taken over.

use serde_json::Value;

use crate::common::text;
use crate::project::Project;

const FLYWAY: &str = "
    CREATE TABLE flyway_schema_history (installed_rank int PRIMARY KEY, version varchar(50), description varchar(200) NOT NULL,
        type varchar(20) NOT NULL, script varchar(1000) NOT NULL, checksum int, installed_by varchar(100) NOT NULL,
        installed_on timestamp NOT NULL DEFAULT now(), execution_time int NOT NULL, success boolean NOT NULL);
    INSERT INTO flyway_schema_history VALUES
        (1, '1', 'first', 'SQL', 'V1__first.sql', 11, 'u', now(), 5, true),
        (2, '2', 'another name', 'SQL', 'V2__another_name.sql', 12, 'u', now(), 5, true),
        (3, '3', 'third', 'SQL', 'V3__third.sql', 13, 'u', now(), 5, false),
        (4, NULL, 'view', 'SQL', 'R__view.sql', 14, 'u', now(), 5, true)";

const REFINERY: &str = "
    CREATE TABLE refinery_schema_history (version int4 PRIMARY KEY, name varchar(255), applied_on varchar(255), checksum varchar(255));
    INSERT INTO refinery_schema_history VALUES (1, 'first', '2024-01-01T00:00:00Z', '123'), (9, 'gone', '2024-01-01T00:00:00Z', '9')";

const SQLX: &str = "
    CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY, description text NOT NULL,
        installed_on timestamptz NOT NULL DEFAULT now(), success boolean NOT NULL, checksum bytea NOT NULL, execution_time bigint NOT NULL);
    INSERT INTO _sqlx_migrations VALUES (1, 'first', now(), true, 'x', 1), (2, 'second', now(), true, 'x', 1)";

fn project() -> Project {
    Project::new(&[
        ("V1__first.sql", "SELECT 1/0;"),
        ("V2__second.sql", "SELECT 1/0;"),
        ("V3__third.sql", "CREATE TABLE third (id int);"),
        ("R__view.sql", "CREATE VIEW one AS SELECT 1;"),
    ])
}

fn statuses(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| text(row, "migration_status")).collect()
}

#[test]
fn flyways() {
    let project = project();
    project.run_sql(FLYWAY);
    let before = project.dump();
    let (plan, code) = project.json(&["import", "--dry-run"]);
    assert_eq!((statuses(&plan), code), (vec!["APPLIED", "BASELINE", "NOT_IMPORTED", "APPLIED"], 0), "{plan:?}");
    assert_eq!(project.dump(), before);
    assert!(project.ledger.history().is_empty());

    let (done, code) = project.json(&["import"]);
    assert_eq!((&done, code), (&plan, 0));
    assert!(text(&done[1], "details").contains("another name"), "{done:?}");
    assert!(text(&done[2], "details").contains("failed there"), "{done:?}");
    assert_eq!(project.statuses(), ["APPLIED", "BASELINE", "PENDING", "APPLIED"]);
    assert_eq!(text(&project.newest_operation()[0], "script_name"), "Migrations: import");
    assert_eq!(project.up(), ["V3__third.sql"]);
    // A second time there is nothing to take over.
    assert_eq!(statuses(&project.json(&["import"]).0), ["NOT_IMPORTED"; 4]);
    project.write("V1__first.sql", "SELECT 1;");
    assert_eq!(project.json(&["verify"]).1, 1);
}

#[test]
fn refinerys() {
    let project = project();
    project.run_sql(REFINERY);
    let (done, code) = project.json(&["import"]);
    assert_eq!((statuses(&done), code), (vec!["APPLIED", "BASELINE"], 0), "{done:?}");
    assert!(text(&done[1], "details").contains("no file of this version"), "{done:?}");
}

#[test]
fn sqlxs() {
    let project = project();
    project.run_sql(SQLX);
    let (done, code) = project.json(&["import"]);
    assert_eq!((statuses(&done), code), (vec!["APPLIED", "APPLIED"], 0), "{done:?}");
    assert_eq!(project.up(), ["V3__third.sql", "R__view.sql"]);
}

#[test]
fn of_none_or_several_one_must_be_named() {
    let project = project();
    let said = project.refused(&["import"], 2);
    assert!(said.contains("no history to import"), "{said}");
    project.run_sql(FLYWAY);
    project.run_sql(SQLX);
    let said = project.refused(&["import"], 2);
    assert!(said.contains("public.flyway_schema_history") && said.contains("name one"), "{said}");
    let (done, code) = project.json(&["import", "--from", "_sqlx_migrations"]);
    assert_eq!((statuses(&done), code), (vec!["APPLIED", "APPLIED"], 0));
    assert_eq!(project.refused(&["import", "--from", "nothing"], 2).matches("no table nothing").count(), 1);
}
