//! A connection outside the pool, for installing, examining and migrating a database.

use std::fmt;
use std::sync::Arc;

use opledger::Result;
use tokio_postgres::Row;

use crate::config::Config;
use crate::connect::{Connection, Connector, Notice};
use crate::runtime::Executor;

/// One session with the server, without limits on time. Its futures run on any executor.
///
/// ```no_run
/// # async fn example() -> opledger::Result<()> {
/// use opledger_postgres::{Config, Session};
///
/// let session = Session::connect(&Config::new("postgres://admin@localhost/ledger")?).await?;
/// session.run("CREATE SCHEMA IF NOT EXISTS app").await?;
/// let rows = session.query("SELECT nspname::text FROM pg_namespace WHERE nspname = $1", &[Some("app")]).await?;
/// assert_eq!(rows, [[Some("app".to_owned())]]);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Session {
    executor: Executor,
    connection: Arc<Connection>,
    location: String,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("location", &self.location).finish_non_exhaustive()
    }
}

impl Session {
    /// Connects.
    ///
    /// # Errors
    /// Gives 08006 naming each host that was tried and why it was not it, 42501 when the login is refused.
    pub async fn connect(config: &Config) -> Result<Self> {
        let executor = Executor::own()?;
        let connector = Connector::new(config.clone(), true)?;
        let connection = executor.run(async move { connector.connect().await }).await?;
        Ok(Self { executor, connection: Arc::new(connection), location: config.location() })
    }

    /// Runs one or more statements without parameters; a script may hold BEGIN and COMMIT.
    ///
    /// # Errors
    /// Gives the server's error; its statement names are in [`notices`](Self::take_notices) where it said more.
    pub async fn run(&self, script: impl Into<String>) -> Result<()> {
        let (connection, script) = (Arc::clone(&self.connection), script.into());
        self.executor.run(async move { connection.run(&script).await }).await
    }

    /// Runs one statement; parameters are texts (`$1::integer` makes one another type), and so must be all columns
    /// (`::text`).
    ///
    /// # Errors
    /// Gives the server's error, or XX001 naming a column that is no text.
    pub async fn query(&self, sql: impl Into<String>, parameters: &[Option<&str>]) -> Result<Vec<Vec<Option<String>>>> {
        let connection = Arc::clone(&self.connection);
        let sql = sql.into();
        let parameters: Vec<_> = parameters.iter().map(|text| text.map(str::to_owned)).collect();
        self.executor
            .run(async move {
                let typed: Vec<_> =
                    parameters.iter().map(|text| (text as _, tokio_postgres::types::Type::TEXT)).collect();
                connection.query_once(&sql, &typed).await?.iter().map(texts).collect()
            })
            .await
    }

    /// Asks the server to cancel the statement that it runs for this session.
    pub(crate) async fn cancel(&self) -> Result<()> {
        let connection = Arc::clone(&self.connection);
        self.executor.run(async move { connection.cancel().await }).await
    }

    /// What the server said since the last time, in order.
    #[must_use]
    pub fn take_notices(&self) -> Vec<Notice> {
        self.connection.take_notices()
    }

    /// Whether the session is ours from its begin to its end; a pooler in transaction mode gives none such.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.connection.is_session()
    }
}

fn texts(row: &Row) -> Result<Vec<Option<String>>> {
    (0..row.len()).map(|place| crate::rows::column(row, place)).collect()
}
