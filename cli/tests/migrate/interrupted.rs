//! Runs that do not come to their end, and two at once.

use std::io::{BufRead, BufReader};
use std::process::Child;

use crate::common::{answer, text, wait_for};
use crate::project::Project;
use crate::proxy::{self, Lost};
use crate::support::{call, opledger};

/// Waits at its second statement for whoever holds the gate.
const GATED: &str = "CREATE TABLE a (id int);\nINSERT INTO gate VALUES (1);\nCREATE TABLE b (id int);";

/// A project whose first file stops in its middle while the client is there.
fn gated(head: &str) -> (Project, postgres::Client) {
    gated_in(Project::new(&[]), head)
}

pub(crate) fn gated_in(project: Project, head: &str) -> (Project, postgres::Client) {
    project.write("V1__gated.sql", format!("{head}{GATED}"));
    project.write("V2__next.sql", "CREATE TABLE next (id int);");
    project.run_sql("CREATE TABLE gate (id int)");
    let mut gate = project.database.connect().unwrap();
    gate.batch_execute("BEGIN; LOCK TABLE gate").unwrap();
    (project, gate)
}

fn end(child: Child) -> (i32, String) {
    let answer = answer(child.wait_with_output().unwrap());
    (answer.code, answer.out + &answer.err)
}

pub(crate) fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn terminate(gate: &mut postgres::Client, which: &str) {
    let others = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND {which}"
    );
    assert!(!gate.query(&others, &[]).unwrap().is_empty());
}

pub(crate) fn wait_until_gone(gate: &mut postgres::Client, pid: i32) {
    wait_for("the server's process to end", || {
        // The gate is in a transaction, in which the list of processes stays as it was first read: where the process was still about
        // to end then, it was waited for in vain.
        gate.batch_execute("SELECT pg_stat_clear_snapshot()").unwrap();
        gate.query_opt("SELECT FROM pg_stat_activity WHERE pid = $1", &[&pid]).unwrap().is_none()
    });
}

#[test]
fn of_two_runners_one_waits_and_finds_nothing_left_to_do() {
    let (project, mut gate) = gated("");
    let first = project.spawn(&["up"]);
    let pid = project.wait_until_blocked("INSERT INTO gate");
    let (status, details) = project.status("V1__gated.sql");
    assert_eq!(status, "RUNNING");
    assert!(details.contains("in the hands of the server's process"), "{details}");
    let said = project.refused(&["up", "--lock-wait", "0"], 3);
    assert!(said.contains("another migration is at work") && said.contains("of postgres"), "{said}");

    let mut second = project.spawn(&["up"]);
    let mut words = String::new();
    BufReader::new(second.stderr.as_mut().unwrap()).read_line(&mut words).unwrap();
    assert!(words.contains("waiting for another migration: the server's process"), "{words}");
    gate.batch_execute("COMMIT").unwrap();
    assert_eq!(end(first).0, 0);
    assert_eq!(end(second).0, 0);
    wait_until_gone(&mut gate, pid);
    assert_eq!(project.statuses(), ["APPLIED", "APPLIED"]);
    assert_eq!(project.value("SELECT count(*)::text FROM gate"), "1");
    assert_eq!(project.ledger.history().len(), 2);
}

#[test]
fn a_file_whose_connection_is_lost_is_rolled_back_and_runs_again() {
    for which in ["query LIKE 'INSERT INTO gate%'", "true"] {
        let (project, mut gate) = gated("");
        let run = project.spawn(&["up"]);
        project.wait_until_blocked("INSERT INTO gate");
        terminate(&mut gate, which);
        let (code, said) = end(run);
        assert_eq!(code, 3, "{said}");
        assert!(said.contains("57P01") && said.contains("Nothing of the file is left"), "{said}");
        assert!(!project.has("a"));
        assert_eq!(project.statuses(), ["FAILED", "PENDING"]);
        let operation = project.newest_operation();
        assert_eq!(text(&operation[0], "execution_status"), "FAILED");
        assert!(operation[0].to_string().contains("57P01"), "{operation:?}");
        gate.batch_execute("COMMIT").unwrap();
        assert_eq!(project.up(), ["V1__gated.sql", "V2__next.sql"]);
    }
}

/// The answer to the COMMIT of a file is lost: the database is asked what became of it.
#[test]
fn a_connection_that_is_lost_at_the_commit_leaves_no_doubt() {
    for arrives in [true, false] {
        let project =
            Project::new(&[("V1__a.sql", "CREATE TABLE a (id int);"), ("V2__b.sql", "CREATE TABLE b (id int);")]);
        let socket = project.database.server().socket_folder().to_owned();
        let port = proxy::start(socket, Lost { after: "CREATE TABLE a", arrives });
        let database = format!("postgres://postgres@127.0.0.1:{port}/{}", project.database.name());
        let mut up = opledger();
        up.env("OPLEDGER_STORE", project.ledger.url()).args(["migrate", "up", "--database", &database]);
        let answer = call(up.arg(project.folder.path()));
        let said = answer.out + &answer.err;
        if arrives {
            // The lock went with the session, and another runner may have been at work since: the next file does not begin.
            assert_eq!(answer.code, 3, "{said}");
            assert!(said.contains("V2__b.sql: the lock of migrations is not held any more"), "{said}");
            assert_eq!(project.statuses(), ["APPLIED", "FAILED"]);
            assert!(!project.has("b"));
            assert_eq!(project.up(), ["V2__b.sql"]);
        } else {
            assert_eq!(answer.code, 3, "{said}");
            assert!(said.contains("V1__a.sql") && said.contains("Nothing of the file is left"), "{said}");
            assert!(!project.has("a"));
            assert_eq!(project.statuses(), ["FAILED", "PENDING"]);
            assert_eq!(project.up(), ["V1__a.sql", "V2__b.sql"]);
        }
        assert!(project.has("a") && project.has("b"));
    }
}

fn interrupt(child: &Child) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
}

#[test]
fn ctrl_c_cancels_the_statement_and_is_on_record() {
    // What broke: the statement went on in the server, and the operation stayed RUNNING.
    let (project, mut gate) = gated("");
    let run = project.spawn(&["up"]);
    let pid = project.wait_until_blocked("INSERT INTO gate");
    interrupt(&run);
    let (code, said) = end(run);
    assert_eq!(code, 130, "{said}");
    assert!(said.contains("57014") && said.contains("Nothing of the file is left"), "{said}");
    wait_until_gone(&mut gate, pid);
    assert_eq!(project.statuses(), ["FAILED", "PENDING"]);
    let operation = project.newest_operation();
    assert_eq!(text(&operation[0], "execution_status"), "FAILED");
    assert_eq!(project.ledger.history().len(), 1, "the next file has not begun");
    gate.batch_execute("COMMIT").unwrap();
    assert_eq!(project.up(), ["V1__gated.sql", "V2__next.sql"]);
}

#[test]
fn ctrl_c_ends_the_wait_for_another_runner() {
    let (project, mut gate) = gated("");
    let first = project.spawn(&["up"]);
    project.wait_until_blocked("INSERT INTO gate");
    let mut second = project.spawn(&["up"]);
    let mut words = String::new();
    BufReader::new(second.stderr.as_mut().unwrap()).read_line(&mut words).unwrap();
    interrupt(&second);
    let (code, said) = end(second);
    assert_eq!(code, 130, "{said}");
    gate.batch_execute("COMMIT").unwrap();
    assert_eq!(end(first).0, 0);
    assert_eq!(project.ledger.history().len(), 2);
}

#[test]
fn a_runner_that_lost_the_lock_commits_nothing() {
    let (project, mut gate) = gated("");
    let run = project.spawn(&["up"]);
    project.wait_until_blocked("INSERT INTO gate");
    terminate(
        &mut gate,
        "pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted) AND state = 'idle'",
    );
    gate.batch_execute("COMMIT").unwrap();
    let (code, said) = end(run);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("the lock of migrations was lost"), "{said}");
    assert!(!project.has("a") && !project.has("next"));
    assert_eq!(project.statuses(), ["FAILED", "PENDING"]);
    assert_eq!(project.up().len(), 2);
}

#[test]
fn without_a_transaction_it_is_told_which_statement_had_begun() {
    let (project, mut gate) = gated("-- opledger: no-transaction\n");
    let run = project.spawn(&["up"]);
    project.wait_until_blocked("INSERT INTO gate");
    terminate(&mut gate, "query LIKE 'INSERT INTO gate%'");
    let (code, said) = end(run);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("line 3, statement 2") && said.contains("migrate repair"), "{said}");
    gate.batch_execute("COMMIT").unwrap();
    let (status, details) = project.status("V1__gated.sql");
    assert_eq!(status, "PARTIAL");
    assert!(details.contains("statement 2 had begun"), "{details}");
    assert!(project.has("a") && !project.has("b"));
    assert!(project.refused(&["up"], 1).contains("V1__gated.sql is PARTIAL"));
    assert_eq!(project.json(&["verify"]).1, 1);

    project.run_sql("DROP TABLE a");
    let (done, code) = project.json(&["repair"]);
    assert_eq!((done.len(), code), (1, 0), "{done:?}");
    assert_eq!(text(&project.newest_operation()[0], "script_name"), "Migrations: repair");
    assert_eq!(project.up().len(), 2);
}

#[test]
fn a_killed_runner_is_found_running_and_its_file_rolled_back() {
    let (project, mut gate) = gated("");
    let run = project.spawn(&["up"]);
    let pid = project.wait_until_blocked("INSERT INTO gate");
    kill(run);
    // What broke: the statement went on in the server, and the next runner ran the file beside it.
    let at_work = format!("in the hands of the server's process {pid} ");
    wait_for("the lock's session to end", || project.status("V1__gated.sql").1.contains(&at_work));
    assert!(project.refused(&["up", "--lock-wait", "0"], 3).contains("another migration is at work"));
    gate.batch_execute("COMMIT").unwrap();
    wait_until_gone(&mut gate, pid);
    assert!(!project.has("a"));
    assert_eq!(text(&project.newest_operation()[0], "execution_status"), "RUNNING");
    let (status, details) = project.status("V1__gated.sql");
    assert_eq!(status, "INTERRUPTED");
    assert!(details.contains("rolled back by the server"), "{details}");
    let (status, details) = project.status("Migration 1: V1__gated.sql");
    assert_eq!(status, "RUNNING");
    assert!(details.contains("interrupted, and rolled back; `migrate repair` ends it"), "{details}");

    assert_eq!(project.up().len(), 2);
    let (done, code) = project.json(&["repair"]);
    assert_eq!((done.len(), code, text(&done[0], "status")), (1, 0, "FAILED"), "{done:?}");
    assert_eq!(project.statuses(), ["APPLIED", "APPLIED"]);
    assert!(!project.ledger.history().iter().any(|row| row["execution_status"] == "RUNNING"));
}

#[test]
fn of_a_killed_file_without_a_transaction_it_is_known_how_far_it_came() {
    let (project, mut gate) = gated("-- opledger: no-transaction\n");
    let run = project.spawn(&["up"]);
    let pid = project.wait_until_blocked("INSERT INTO gate");
    kill(run);
    gate.batch_execute("COMMIT").unwrap();
    wait_until_gone(&mut gate, pid);
    let (status, details) = project.status("V1__gated.sql");
    assert_eq!(status, "PARTIAL");
    assert!(details.contains("statement 2 had begun"), "{details}");
    assert!(project.status("Migration 1: V1__gated.sql").1.contains("statement 2 had begun"));
    project.run_sql("CREATE TABLE b (id int)");
    let (done, code) = project.json(&["repair", "--accept", "V1__gated.sql"]);
    assert_eq!((done.len(), code), (2, 0), "{done:?}");
    assert_eq!(project.up(), ["V2__next.sql"]);
}

#[test]
fn an_invalid_index_is_named() {
    let project = Project::new(&[
        ("V1__a.sql", "CREATE TABLE a (id int); INSERT INTO a VALUES (1), (1);"),
        ("V2__i.sql", "-- opledger: no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY a_id ON a (id);"),
    ]);
    let answer = project.call(&["up"]);
    assert_eq!(answer.code, 1);
    assert!(
        answer.err.contains("23505") && answer.err.contains("DROP INDEX CONCURRENTLY public.a_id"),
        "{}",
        answer.err
    );
    let (status, details) = project.status("public.a_id");
    assert_eq!(status, "INVALID");
    assert!(details.contains("DROP INDEX CONCURRENTLY public.a_id"), "{details}");
    assert!(project.newest_operation()[0].to_string().contains("public.a_id"));

    project.run_sql("DROP INDEX a_id; TRUNCATE a");
    project.json(&["repair"]);
    assert_eq!(project.up(), ["V2__i.sql"]);
    assert_eq!(project.statuses(), ["APPLIED", "APPLIED"]);
}
