//! One server for the tests, a database of its own for each, and the real binary on it.

use std::ffi::OsStr;
use std::process::Command;
use std::sync::OnceLock;

use opledger_testkit_postgres::{Database, Server};
use serde_json::Value;

use crate::common::{Answer, answer, bare};

/// The password of nobody: no output may hold it.
pub(crate) const SECRET: &str = "hunter2secret";

const LOGINS: &str = "
    CREATE ROLE reader LOGIN IN ROLE script_tracking_reader;
    CREATE ROLE writer LOGIN IN ROLE script_tracking_writer;
    CREATE ROLE admin LOGIN IN ROLE script_tracking_admin;
    CREATE ROLE acme LOGIN IN ROLE script_tracking_writer;
    CREATE ROLE nobody LOGIN;";

/// What binds a login stands in each database.
const BINDINGS: &str = "SELECT script_tracking.bind_login('acme', script_tracking.calculate_hash_key('acme'))";

pub(crate) fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start().unwrap())
}

pub(crate) fn empty() -> Database<'static> {
    server().create_database().unwrap()
}

/// A database into which the binary has put the schema.
pub(crate) fn installed() -> Database<'static> {
    static TEMPLATE: OnceLock<String> = OnceLock::new();
    let template = TEMPLATE.get_or_init(|| {
        let database = empty();
        let done = schema(&database, "install", &[]);
        assert_eq!(done.code, 0, "{}", done.err);
        assert_eq!(done.err, "");
        let mut client = database.connect().unwrap();
        client.batch_execute(LOGINS).unwrap();
        client.batch_execute(BINDINGS).unwrap();
        database.name().to_owned()
    });
    server().create_database_from(template).unwrap()
}

pub(crate) fn url(database: &Database<'_>, user: &str) -> String {
    let socket = database.server().socket_folder().display();
    format!("postgres://{user}:{SECRET}@/{}?host={socket}", database.name())
}

/// The binary, with nothing of this machine's about servers.
pub(crate) fn opledger() -> Command {
    let mut command = bare();
    command.env_remove("PGPASSWORD").env_remove("PGHOST").env_remove("PGUSER").env("PGPASSFILE", "/dev/null");
    command
}

/// Calls the binary; whatever it says, the password is not in it.
pub(crate) fn call(command: &mut Command) -> Answer {
    let answer = answer(command.output().unwrap());
    assert!(!answer.out.contains(SECRET) && !answer.err.contains(SECRET), "{}{}", answer.out, answer.err);
    answer
}

/// A command on a database's store.
pub(crate) fn on<A: AsRef<OsStr>>(store: &str, args: impl IntoIterator<Item = A>) -> Answer {
    call(opledger().env("OPLEDGER_STORE", store).args(args))
}

pub(crate) fn json<A: AsRef<OsStr>>(store: &str, args: impl IntoIterator<Item = A>) -> Vec<Value> {
    rows(&call(opledger().env("OPLEDGER_STORE", store).args(["--format", "json"]).args(args)))
}

pub(crate) fn rows(answer: &Answer) -> Vec<Value> {
    serde_json::from_str(&answer.out).unwrap_or_else(|error| panic!("{error}: {}{}", answer.out, answer.err))
}

/// `install`, `upgrade`, `uninstall` or `doctor`, as the superuser.
pub(crate) fn schema(database: &Database<'_>, command: &str, more: &[&str]) -> Answer {
    schema_as(database, "postgres", command, more)
}

pub(crate) fn schema_as(database: &Database<'_>, user: &str, command: &str, more: &[&str]) -> Answer {
    let url = url(database, user);
    call(opledger().args([command, "--database", &url, "--format", "json"]).args(more))
}

pub(crate) fn count(database: &Database<'_>, from: &str) -> i64 {
    database.connect().unwrap().query_one(&format!("SELECT count(*) FROM {from}"), &[]).unwrap().get(0)
}
