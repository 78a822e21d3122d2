//! A server in PostgreSQL: one for the whole test binary, a database for each run.

use std::sync::OnceLock;

use opledger_postgres::{Config, PostgresStore, Session};
use opledger_testkit_postgres::{Database, Server};
use pollster::block_on;

/// The server; it ends when this process does.
fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start().unwrap())
}

const LOGINS: &str = "CREATE ROLE admin LOGIN IN ROLE script_tracking_admin";

/// Puts the schema and a login into a database.
pub(crate) fn install(database: &Database<'_>) {
    block_on(async {
        let session = Session::connect(&config(&database.dsn("postgres"))).await.unwrap();
        session.run(opledger_sql::install_script()).await.unwrap();
        session.run(LOGINS).await.unwrap();
    });
}

pub(crate) fn config(dsn: &str) -> Config {
    Config::with_environment(dsn, |_| None).unwrap()
}

/// A database of its own.
pub(crate) struct InDatabase(Option<Database<'static>>);

impl InDatabase {
    pub(crate) fn new() -> Self {
        static TEMPLATE: OnceLock<String> = OnceLock::new();
        let template = TEMPLATE.get_or_init(|| {
            let database = server().create_database().unwrap();
            install(&database);
            database.name().to_owned()
        });
        Self(Some(server().create_database_from(template).unwrap()))
    }

    pub(crate) fn open(&self) -> PostgresStore {
        PostgresStore::open(&config(&self.0.as_ref().unwrap().dsn("admin"))).unwrap()
    }
}

impl Drop for InDatabase {
    fn drop(&mut self) {
        if let Some(database) = self.0.take() {
            // One that is left goes with the server.
            let _ = database.drop_now();
        }
    }
}
