//! The table of states, shared with `run_migration_enterprise`.

use std::os::unix::fs::PermissionsExt;

use crate::interrupted::{gated_in, kill, wait_until_gone};
use crate::project::Project;

const FILES: [(&str, &str); 2] =
    [("V1__a.sql", "CREATE TABLE a (id int);"), ("V2__b.sql", "CREATE TABLE b (id int);\r\n")];

/// What the SQL function says of the folder's file.
fn by_sql(project: &Project, file: &str, version: &str) -> (String, Option<String>) {
    // The server is another user.
    std::fs::set_permissions(project.folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let path = project.folder.path().join(file);
    let mut client = project.database.connect().unwrap();
    let sql = "SELECT migration_status, error_details FROM script_tracking.run_migration_enterprise($1, $2)";
    let row = client.query_one(sql, &[&path.to_str().unwrap(), &version]).unwrap();
    (row.get(0), row.get(1))
}

#[test]
fn what_the_command_applied_the_function_finds_applied() {
    let project = Project::installed(&FILES);
    assert_eq!(project.up().len(), 2);
    assert_eq!(by_sql(&project, "V1__a.sql", "1").0, "ALREADY_APPLIED");
    assert_eq!(by_sql(&project, "V2__b.sql", "2").0, "ALREADY_APPLIED");
    project.write("V2__b.sql", "CREATE TABLE b (id bigint);");
    assert_eq!(by_sql(&project, "V2__b.sql", "2").0, "CHECKSUM_MISMATCH");
    assert_eq!(project.status("V2__b.sql").0, "CHANGED");
}

#[test]
fn what_the_function_applied_the_command_finds_applied() {
    let project = Project::installed(&FILES);
    assert_eq!(by_sql(&project, "V1__a.sql", "1").0, "APPLIED");
    assert_eq!(project.statuses(), ["APPLIED", "PENDING"]);
    assert_eq!(project.up(), ["V2__b.sql"]);
    assert_eq!(project.json(&["verify"]).1, 0);
}

#[test]
fn what_failed_or_was_taken_back_either_may_run() {
    let project = Project::installed(&[("V1__a.sql", "SELECT 1/0;"), ("V1__a.down.sql", "DROP TABLE a;")]);
    let (status, details) = by_sql(&project, "V1__a.sql", "1");
    assert_eq!(status, "FAILED", "{details:?}");
    assert_eq!(project.status("V1__a.sql").0, "FAILED");
    project.write("V1__a.sql", FILES[0].1);
    assert_eq!(project.up(), ["V1__a.sql"]);
    assert_eq!(project.json(&["down"]).1, 0);
    assert_eq!(by_sql(&project, "V1__a.sql", "1").0, "APPLIED");
    assert_eq!(project.statuses(), ["APPLIED"]);
}

/// A killed runner's statement went on in the server while the function ran the same file; and when it had ended, the function
/// ran from its beginning a file that was half done.
#[test]
fn what_the_command_is_at_or_left_half_done_the_function_refuses() {
    let (project, mut gate) = gated_in(Project::installed(&[]), "-- opledger: no-transaction\n");
    let run = project.spawn(&["up"]);
    let pid = project.wait_until_blocked("INSERT INTO gate");
    let refused = || {
        let sql = "SELECT FROM script_tracking.run_migration_enterprise('V1__gated.sql', '1')";
        let path = project.folder.path().join("V1__gated.sql");
        let sql = sql.replace("V1__gated.sql", path.to_str().unwrap());
        let error = project.database.connect().unwrap().batch_execute(&sql).unwrap_err();
        let error = error.as_db_error().unwrap();
        assert_eq!(error.code().code(), "55P03", "{error}");
        assert!(error.message().contains(&format!("the server's process {pid}")), "{error}");
    };
    std::fs::set_permissions(project.folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    refused();
    kill(run);
    refused();
    gate.batch_execute("COMMIT").unwrap();
    wait_until_gone(&mut gate, pid);

    let (status, details) = by_sql(&project, "V1__gated.sql", "001");
    let details = details.unwrap();
    assert_eq!(status, "FAILED", "{details}");
    assert!(details.contains("statement 2 had begun"), "{details}");
    assert_eq!(project.status("V1__gated.sql").0, "PARTIAL", "nothing was written");
    project.run_sql("DROP TABLE a");
    assert_eq!(project.json(&["repair"]).1, 0);
    assert_eq!(by_sql(&project, "V1__gated.sql", "001").0, "APPLIED");
    assert_eq!(project.up(), ["V2__next.sql"]);
}
