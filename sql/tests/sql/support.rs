//! One server for all tests, and a database of its own for each.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::OnceLock;

use opledger_testkit_postgres::{Database, Server};
use postgres::error::SqlState;
use postgres::{Client, Error};

/// Logins of every kind, in every test database: what they may is granted once, for all of the cluster. No test gives
/// `outsider` a role: it has none.
pub(crate) const LOGINS: &str = "
    CREATE ROLE reader LOGIN IN ROLE script_tracking_reader;
    CREATE ROLE writer LOGIN IN ROLE script_tracking_writer;
    CREATE ROLE admin LOGIN IN ROLE script_tracking_admin;
    CREATE ROLE trusted LOGIN IN ROLE script_tracking_writer;
    CREATE ROLE acme LOGIN IN ROLE script_tracking_writer;
    CREATE ROLE globex LOGIN IN ROLE script_tracking_writer;
    CREATE ROLE nobody LOGIN;
    CREATE ROLE outsider LOGIN;
    SELECT script_tracking.trust_login('trusted'),
           script_tracking.bind_login('acme', script_tracking.calculate_hash_key('acme')),
           script_tracking.bind_login('globex', script_tracking.calculate_hash_key('globex'));";

/// The server; it ends when this process does.
pub(crate) fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start().unwrap())
}

/// A database with the schema as `psql -f sql/install.sql` makes it, and [`LOGINS`].
pub(crate) fn installed() -> Database<'static> {
    static TEMPLATE: OnceLock<Database<'static>> = OnceLock::new();
    let template = TEMPLATE.get_or_init(|| {
        let database = server().create_database().unwrap();
        psql(&database, "postgres", "install.sql").unwrap();
        database.connect().unwrap().batch_execute(LOGINS).unwrap();
        database
    });
    server().create_database_from(template.name()).unwrap()
}

/// Runs one file of `sql/` by psql, as a user would; gives what it said on stderr.
pub(crate) fn psql(database: &Database<'_>, user: &str, file: &str) -> Result<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let mut psql = database.server().program("psql");
    let output = psql.args(["-X", "-q", "-U", user, "-d", database.name(), "-f"]).arg(path).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(said) } else { Err(said) }
}

/// A database as pg_dump writes it.
pub(crate) fn dump(database: &Database<'_>, user: &str) -> Result<Vec<u8>, String> {
    let output = database.server().program("pg_dump").args(["-U", user, "-d", database.name()]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(output.stdout) } else { Err(said) }
}

/// Restores what [`dump`] gave into an empty database, as a superuser.
pub(crate) fn restore(database: &Database<'_>, dumped: &[u8]) {
    let mut psql = database.server().program("psql");
    let psql = psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database.name()]);
    let mut child = psql.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(dumped).unwrap();
    assert!(child.wait().unwrap().success());
}

/// The one value that a query gives, as text; `NULL` as "NULL".
pub(crate) fn value(client: &mut Client, query: &str) -> String {
    rows(client, query).first().and_then(|row| row.first().cloned()).unwrap_or_else(|| panic!("no row: {query}"))
}

/// All rows of a query, as text.
pub(crate) fn rows(client: &mut Client, query: &str) -> Vec<Vec<String>> {
    let messages = client.simple_query(query).unwrap_or_else(|error| panic!("{query}: {}", words(&error)));
    messages
        .into_iter()
        .filter_map(|message| match message {
            postgres::SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|i| row.get(i).unwrap_or("NULL").to_owned()).collect())
            }
            _ => None,
        })
        .collect()
}

/// Runs what must work.
pub(crate) fn run(client: &mut Client, query: &str) {
    client.batch_execute(query).unwrap_or_else(|error| panic!("{query}: {}", words(&error)));
}

/// Runs what must fail with this SQLSTATE, and gives its message.
pub(crate) fn refused(client: &mut Client, query: &str, code: &SqlState) -> String {
    let error = client.simple_query(query).err().unwrap_or_else(|| panic!("this worked: {query}"));
    assert_eq!(error.code(), Some(code), "{query}: {}", words(&error));
    words(&error)
}

/// An error with all that it says.
pub(crate) fn words(error: &Error) -> String {
    error.as_db_error().map_or_else(
        || error.to_string(),
        |db| format!("{} {} {} {}", db.code().code(), db.message(), db.detail().unwrap_or(""), db.hint().unwrap_or("")),
    )
}
