//! A folder of migrations, the database they are for, and a local ledger.

use std::process::{Child, Command, Stdio};

use opledger_testkit_postgres::Database;
use serde_json::Value;

use crate::common::{Answer, Ledger, text, wait_for};
use crate::support::{call, empty, installed, opledger, rows, url};

pub(crate) struct Project {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) ledger: Ledger,
    pub(crate) database: Database<'static>,
}

impl Project {
    /// On a database where nothing of ours is.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        Self::on(empty(), files)
    }

    /// On a database where the schema is installed.
    pub(crate) fn installed(files: &[(&str, &str)]) -> Self {
        Self::on(installed(), files)
    }

    fn on(database: Database<'static>, files: &[(&str, &str)]) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap(), ledger: Ledger::new(), database };
        for (name, text) in files {
            project.write(name, text);
        }
        project
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        std::fs::remove_file(self.folder.path().join(name)).unwrap();
    }

    /// `migrate ACTION` on folder and database.
    pub(crate) fn command(&self, action: &[&str]) -> Command {
        let mut command = opledger();
        command.env("OPLEDGER_STORE", self.ledger.url()).arg("migrate").args(action).arg(self.folder.path());
        command.args(["--database", &url(&self.database, "postgres")]);
        command
    }

    pub(crate) fn call(&self, action: &[&str]) -> Answer {
        call(&mut self.command(action))
    }

    /// Its rows, and the exit code.
    pub(crate) fn json(&self, action: &[&str]) -> (Vec<Value>, i32) {
        let answer = call(self.command(action).args(["--format", "json"]));
        (rows(&answer), answer.code)
    }

    /// `migrate up`, in which nothing fails; gives what was run.
    pub(crate) fn up(&self) -> Vec<String> {
        let (rows, code) = self.json(&["up"]);
        assert_eq!(code, 0, "{rows:?}");
        names(&rows, "APPLIED")
    }

    /// Expects an exit code; gives what was said on stderr.
    pub(crate) fn refused(&self, action: &[&str], code: i32) -> String {
        let answer = self.call(action);
        assert_eq!(answer.code, code, "{}{}", answer.out, answer.err);
        answer.err
    }

    /// What `status` says of a file, an index or an operation: the word and the details.
    pub(crate) fn status(&self, name: &str) -> (String, String) {
        let (rows, code) = self.json(&["status"]);
        assert_eq!(code, 0);
        let row = rows.iter().find(|row| text(row, "migration_file") == name);
        let row = row.unwrap_or_else(|| panic!("{name}: {rows:?}"));
        let details = row["details"].as_str().unwrap_or_default().to_owned();
        (text(row, "migration_status").to_owned(), details)
    }

    /// The status of all, in order.
    pub(crate) fn statuses(&self) -> Vec<String> {
        let rows = self.json(&["status"]).0;
        rows.iter().map(|row| text(row, "migration_status").to_owned()).collect()
    }

    pub(crate) fn has(&self, relation: &str) -> bool {
        self.value(&format!("SELECT (to_regclass('{relation}') IS NOT NULL)::text")) == "true"
    }

    pub(crate) fn value(&self, sql: &str) -> String {
        self.database.connect().unwrap().query_one(sql, &[]).unwrap().get(0)
    }

    pub(crate) fn run_sql(&self, sql: &str) {
        self.database.connect().unwrap().batch_execute(sql).unwrap();
    }

    /// The whole database as text.
    pub(crate) fn dump(&self) -> Vec<String> {
        let output = self.database.server().program("pg_dump").arg(self.database.name()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        // A key of its own for each dump, in some releases of pg_dump.
        text.lines().filter(|line| !line.contains("restrict ")).map(str::to_owned).collect()
    }

    /// The command on its way.
    pub(crate) fn spawn(&self, action: &[&str]) -> Child {
        self.command(action).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Waits until a statement of this beginning waits for a lock; gives the server's process.
    pub(crate) fn wait_until_blocked(&self, statement: &str) -> i32 {
        let mut client = self.database.connect().unwrap();
        let blocked = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' \
                       AND starts_with(query, $1)";
        let mut pid = None;
        wait_for(statement, || {
            pid = client.query_opt(blocked, &[&statement]).unwrap().map(|row| row.get(0));
            pid.is_some()
        });
        pid.unwrap()
    }

    /// The versions of the newest operation in the ledger, the last one first.
    pub(crate) fn newest_operation(&self) -> Vec<Value> {
        let history = self.ledger.history();
        let mut versions = self.ledger.json(["show", text(&history[0], "script_execution_hk")]);
        versions.reverse();
        versions
    }
}

/// The files of rows that all have this status.
pub(crate) fn names(rows: &[Value], status: &str) -> Vec<String> {
    let all = rows.iter().all(|row| row["migration_status"] == status);
    assert!(all, "not all are {status}: {rows:?}");
    rows.iter().map(|row| text(row, "migration_file").to_owned()).collect()
}
