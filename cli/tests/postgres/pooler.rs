//! A real pgbouncer between.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use opledger_testkit_postgres::Database;
use tempfile::TempDir;

use crate::common::{text, wait_for};
use crate::support::{call, installed, json, on, opledger, rows};

/// A pooler in front of one database; it ends with the test.
struct Pooler {
    process: Child,
    folder: TempDir,
    database: String,
}

impl Pooler {
    fn start(database: &Database<'_>, mode: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("opledger-bouncer-").tempdir_in("/tmp").unwrap();
        let place = folder.path().display();
        std::fs::write(folder.path().join("users"), "\"writer\" \"\"\n").unwrap();
        // It lets the options of the startup packet through unseen, as many sites make it do: then the backend can't tell.
        let configuration = format!(
            "[databases]\n* = host={}\n[pgbouncer]\npool_mode = {mode}\nlisten_port = 6432\nunix_socket_dir = {place}\n\
             auth_type = trust\nauth_file = {place}/users\nignore_startup_parameters = options\nlogfile = {place}/log\n",
            database.server().socket_folder().display()
        );
        std::fs::write(folder.path().join("ini"), configuration).unwrap();
        let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin";
        let mut command = Command::new("pgbouncer");
        command.env("PATH", path);
        if let Some((uid, gid)) = database.server().user() {
            chown(folder.path(), Some(uid), Some(gid)).unwrap();
            command.uid(uid).gid(gid);
        }
        let process = command.arg("-q").arg(folder.path().join("ini")).stderr(Stdio::null()).spawn();
        let process = process.expect("pgbouncer: `cargo xtask test` installs it");
        let socket = folder.path().join(".s.PGSQL.6432");
        wait_for("pgbouncer", || socket.exists());
        Self { process, folder, database: database.name().to_owned() }
    }

    fn url(&self) -> String {
        format!("postgres://writer@/{}?port=6432&host={}", self.database, self.folder.path().display())
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn pooler_row(url: &str) -> (i32, String, String) {
    let answer = call(opledger().args(["doctor", "--format", "json", "--database", url]));
    let row = rows(&answer).into_iter().find(|row| row["check"] == "pooler").unwrap();
    (answer.code, text(&row, "status").to_owned(), text(&row, "details").to_owned())
}

#[test]
fn a_pooler_in_transaction_mode_is_found_out_and_worked_with() {
    let database = installed();
    let pooler = Pooler::start(&database, "transaction");
    let (code, status, details) = pooler_row(&pooler.url());
    assert_eq!((code, status.as_str()), (0, "WARNING"), "{details}");
    assert!(details.contains("hands sessions around"), "{details}");
    let url = format!("{}&prepare=off", pooler.url());
    let (code, status, _) = pooler_row(&url);
    assert_eq!((code, status.as_str()), (0, "OK"));
    assert_eq!(on(&url, ["run", "--name", "through", "--", "true"]).code, 0);
    assert_eq!(json(&url, ["history"])[0]["execution_status"], "COMPLETED");
}

#[test]
fn a_pooler_in_session_mode_gives_sessions_of_our_own() {
    let database = installed();
    let pooler = Pooler::start(&database, "session");
    assert_eq!(pooler_row(&pooler.url()), (0, "OK".to_owned(), "sessions are our own".to_owned()));
}
