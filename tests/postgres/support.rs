//! One server for all tests of a binary, and a database of its own for each store.

use std::sync::OnceLock;
use std::time::Duration;

use opledger_postgres::{Config, PostgresStore, Session};
use opledger_testkit::Factory;
use opledger_testkit_postgres::{Database, Server};

/// The server; it ends when this process does.
pub(crate) fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start().expect("a server"))
}

/// Logins of every kind, in every test database. `keeper` is an admin that may choose its tenant: its logins of users are
/// recorded with that tenant's rows. The least work that bcrypt knows is not among the settings that one may choose.
const LOGINS: &str = "
    CREATE ROLE reader LOGIN IN ROLE script_tracking_reader;
    CREATE ROLE writer LOGIN IN ROLE script_tracking_writer;
    CREATE ROLE admin LOGIN IN ROLE script_tracking_admin;
    CREATE ROLE trusted LOGIN IN ROLE script_tracking_writer;
    CREATE ROLE acme LOGIN IN ROLE script_tracking_writer;
    CREATE ROLE nobody LOGIN;
    CREATE ROLE keeper LOGIN IN ROLE script_tracking_admin;
    SELECT script_tracking.trust_login('trusted'), script_tracking.trust_login('keeper'),
           script_tracking.bind_login('acme', script_tracking.calculate_hash_key('acme'));
    UPDATE script_tracking.setting SET value = '4' WHERE name = 'bcrypt_cost';";

/// A database with the schema.
pub(crate) fn installed() -> Database<'static> {
    static TEMPLATE: OnceLock<String> = OnceLock::new();
    let template = TEMPLATE.get_or_init(|| {
        let database = server().create_database().expect("a database");
        let name = database.name().to_owned();
        install(&database);
        name
    });
    server().create_database_from(template).expect("a database")
}

/// Installs the schema by the binary's own text, and makes the logins.
pub(crate) fn install(database: &Database<'_>) {
    pollster::block_on(async {
        let session = Session::connect(&config(database, "postgres")).await.expect("a session");
        session.run(opledger_sql::install_script()).await.expect("the schema");
        session.run(LOGINS).await.expect("logins");
    });
}

/// How to reach a database as one of its users.
pub(crate) fn config(database: &Database<'_>, user: &str) -> Config {
    Config::with_environment(&database.dsn(user), |_| None).expect("a DSN")
}

/// A store in a database of its own, which goes with it.
pub(crate) struct InDatabase(Option<Database<'static>>);

impl InDatabase {
    pub(crate) fn new() -> Self {
        Self(Some(installed()))
    }

    pub(crate) fn database(&self) -> &Database<'static> {
        self.0.as_ref().expect("a database")
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

impl Factory for InDatabase {
    type Store = PostgresStore;

    fn open(&self) -> PostgresStore {
        PostgresStore::open(&config(self.database(), "keeper")).expect("the store opens")
    }

    fn persistent(&self) -> bool {
        true
    }

    fn age_logins(&self, by: Duration) {
        let older = format!(
            "UPDATE script_tracking.login_attempt SET attempted_at = attempted_at - interval '{0} s';
             UPDATE script_tracking.session_s SET expires_at = expires_at - interval '{0} s'",
            by.as_secs()
        );
        pollster::block_on(async {
            let session = Session::connect(&config(self.database(), "postgres")).await.expect("a session");
            session.run(older).await.expect("older logins");
        });
    }
}
