//! No server, no schema, no rights, no password: said in words, and `run` runs its command all the same.

use crate::common::wait_for;
use crate::support::{SECRET, call, count, empty, installed, on, opledger, server, url};

/// Commands that need the store, and what they give without.
fn unavailable(store: &str, words: &str) {
    let key = "0".repeat(64);
    for args in [
        vec!["start", "x"],
        vec!["complete", &key],
        vec!["annotate", &key, "a=b"],
        vec!["show", &key],
        vec!["history"],
        vec!["errors"],
        vec!["dashboard"],
        vec!["metrics"],
        vec!["health"],
        vec!["verify"],
        vec!["cleanup", "--retention-days", "1"],
    ] {
        let answer = on(store, &args);
        assert_eq!(answer.code, 3, "{args:?}: {}", answer.err);
        assert!(answer.err.contains(words), "{args:?}: {}", answer.err);
        assert_eq!(answer.out, "");
    }
    run_without_a_store(store, words);
}

fn run_without_a_store(store: &str, words: &str) {
    let ran = on(store, ["run", "--", "sh", "-c", "echo ran; exit 7"]);
    assert_eq!((ran.code, ran.out.as_str()), (7, "ran\n"));
    assert!(ran.err.contains("the command runs, but is not recorded") && ran.err.contains(words), "{}", ran.err);
    let strict = on(store, ["run", "--strict", "--", "echo", "ran"]);
    assert_eq!((strict.code, strict.out.as_str()), (3, ""), "{}", strict.err);
}

#[test]
fn no_server() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("postgres://me:{SECRET}@/db?host={}", folder.path().display());
    unavailable(&store, "can't connect to postgres://me@");
    for command in ["install", "upgrade", "doctor"] {
        assert_eq!(call(opledger().args([command, "--database", &store])).code, 3, "{command}");
    }
    assert_eq!(call(opledger().args(["uninstall", "--yes", "--database", &store])).code, 3);
}

#[test]
fn a_server_that_is_silent_is_given_up_in_time() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let store = format!("postgres://me:{SECRET}@127.0.0.1:{port}/db?connect_timeout=1");
    run_without_a_store(&store, "did not answer in time");
}

#[test]
fn no_schema() {
    let database = empty();
    unavailable(&url(&database, "postgres"), "`opledger install`");
    let doctor = call(opledger().args(["doctor", "--database", &url(&database, "postgres")]));
    assert_eq!(doctor.code, 1);
    assert!(doctor.out.contains("opledger install"), "{}", doctor.out);
}

#[test]
fn a_reader_reads_and_does_not_write() {
    let database = installed();
    let store = url(&database, "reader");
    for args in [vec!["history"], vec!["errors"], vec!["dashboard"], vec!["metrics"]] {
        let answer = on(&store, &args);
        assert_eq!(answer.code, 0, "{args:?}: {}", answer.err);
    }
    let answer = on(&store, ["start", "x"]);
    assert_eq!((answer.code, answer.out.as_str()), (3, ""));
    assert!(answer.err.contains("script_tracking_writer"), "{}", answer.err);
    run_without_a_store(&store, "script_tracking_writer");
    assert_eq!(count(&database, "script_tracking.script_execution_h"), 0);
}

#[test]
fn a_login_without_a_role_is_told_which() {
    let database = installed();
    unavailable(&url(&database, "nobody"), "script_tracking_writer");
}

#[test]
fn a_wrong_password_is_refused_and_not_shown() {
    let database = installed();
    let mut client = database.connect().unwrap();
    client.batch_execute("CREATE ROLE guarded LOGIN PASSWORD 'another' IN ROLE script_tracking_writer").unwrap();
    let rules = server().files_folder().join("data/pg_hba.conf");
    let before = std::fs::read_to_string(&rules).unwrap();
    std::fs::write(&rules, format!("local all guarded scram-sha-256\n{before}")).unwrap();
    client.batch_execute("SELECT pg_reload_conf()").unwrap();
    wait_for("the rules", || database.connect_as("guarded").is_err());
    let store = url(&database, "guarded");
    unavailable(&store, "password authentication failed");
    for command in ["install", "upgrade", "doctor"] {
        let answer = call(opledger().args([command, "--database", &store]));
        assert_eq!(answer.code, 3, "{command}");
        assert!(answer.err.contains("password authentication failed"), "{}", answer.err);
    }
    // The right one, from the environment alone: nothing of it need be in a command line.
    let store = store.replace(&format!(":{SECRET}"), "");
    let right = call(opledger().env("PGPASSWORD", "another").args(["start", "x", "--store", &store]));
    assert_eq!(right.code, 0, "{}", right.err);
}

#[test]
fn wrong_command_lines_show_no_password() {
    let secret = format!("postgres://me:{SECRET}@h/db");
    for args in [
        vec!["install", &secret],
        vec!["install", "--databse", &secret],
        vec!["history", "--store", &format!("{secret}?sslmode={SECRET}")],
        vec!["doctor", "--database", &format!("{secret}?port={SECRET}")],
        vec!["--store", &secret, "histroy"],
    ] {
        assert_eq!(call(opledger().args(&args)).code, 2, "{args:?}");
    }
    let help = call(opledger().env("OPLEDGER_STORE", &secret).args(["history", "--help"]));
    assert_eq!(help.code, 0);
}
