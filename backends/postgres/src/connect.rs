//! One connection: to the first host that is what was asked for, with time-outs, over TLS where it must be.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use opledger::model::UnitId;
use opledger::{Error, ErrorKind, Result};
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode as DriverSslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, Row, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::config::{Address, Config, Secret, Target};
use crate::error::{convert, is_fatal};
use crate::rows::column;
use crate::tls::{self, SslMode};
use crate::values::Uuid;

/// A parameter with its type: statements that are not prepared must name it.
pub(crate) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// Something the server said beside its answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// `WARNING`, `NOTICE`, …
    pub severity: String,
    /// The message.
    pub message: String,
    /// More of it.
    pub detail: Option<String>,
    /// What to do.
    pub hint: Option<String>,
}

/// Makes connections as a [`Config`] says. Its TLS is set up once.
pub(crate) struct Connector {
    config: Config,
    tls: MakeRustlsConnect,
    /// Whether connections are for work without a time limit, as an installation is.
    unlimited: bool,
}

impl Connector {
    pub(crate) fn new(config: Config, unlimited: bool) -> Result<Self> {
        let tls = tls::connector(config.ssl_mode, &config.tls_files)?;
        Ok(Self { config, tls, unlimited })
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// Connects to the first host that answers and is what `target_session_attrs` asks for.
    pub(crate) async fn connect(&self) -> Result<Connection> {
        let passes: &[Target] = match self.config.target {
            Target::PreferStandby => &[Target::Standby, Target::Any],
            ref other => std::slice::from_ref(other),
        };
        let mut failures = Vec::new();
        let mut kind = ErrorKind::Connection;
        for target in passes {
            for address in &self.config.hosts {
                let attempt = self.connect_to(address, *target);
                let error = match tokio::time::timeout(self.config.connect_timeout, attempt).await {
                    Ok(Ok(connection)) => return Ok(connection),
                    Ok(Err(error)) => error,
                    Err(_) => Error::new(ErrorKind::Connection, format!("{address} did not answer in time")),
                };
                // As in libpq: who is refused by one server does not try its name at the others.
                if matches!(error.kind(), ErrorKind::Permission | ErrorKind::MissingDependency) {
                    return Err(error);
                }
                kind = error.kind();
                failures.push(error.message().to_owned());
            }
        }
        let message = format!("can't connect to {}: {}", self.config.location(), failures.join("; "));
        Err(Error::new(kind, message))
    }

    async fn connect_to(&self, address: &Address, target: Target) -> Result<Connection> {
        let connection = match self.attempt(address, true).await {
            // What does not know our settings is a pooler, and hands sessions around between transactions.
            Err(cause) if cause.code() == Some(&SqlState::PROTOCOL_VIOLATION) => self.attempt(address, false).await,
            other => other,
        };
        let connection = connection.map_err(|cause| {
            let asked = cause.code() == Some(&SqlState::INVALID_PASSWORD);
            let had_none = asked && self.config.password_for(address).is_none();
            let missing =
                if had_none { " (no password was given: set PGPASSWORD, or keep it in ~/.pgpass)" } else { "" };
            convert(cause, &format!("{address}{missing}"))
        })?;
        if target != Target::Any {
            connection.check(target, address).await?;
        }
        Ok(connection)
    }

    /// Connects with as much TLS as `sslmode` asks for, and without or with less where it allows that.
    async fn attempt(&self, address: &Address, with_settings: bool) -> Result<Connection, tokio_postgres::Error> {
        use DriverSslMode::{Disable, Prefer, Require};
        // PostgreSQL has no TLS on a socket of the file system.
        let is_local = address.host.starts_with(['/', '@']) && address.hostaddr.is_none();
        let (first, second) = match self.config.ssl_mode {
            _ if is_local => (Disable, None),
            SslMode::Disable => (Disable, None),
            SslMode::Allow => (Disable, Some(Require)),
            SslMode::Prefer => (Prefer, Some(Disable)),
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => (Require, None),
        };
        let refused = match self.open(address, first, with_settings).await {
            Ok(connection) => return Ok(connection),
            Err(cause) => cause,
        };
        let is_about_tls = match refused.code() {
            Some(code) => code.code().starts_with("28"),
            None => true,
        };
        match second.filter(|_| is_about_tls) {
            Some(mode) => self.open(address, mode, with_settings).await.map_err(|_| refused),
            None => Err(refused),
        }
    }

    async fn open(
        &self,
        address: &Address,
        mode: DriverSslMode,
        with_settings: bool,
    ) -> Result<Connection, tokio_postgres::Error> {
        let (client, mut connection) =
            self.driver_config(address, mode, with_settings).connect(self.tls.clone()).await?;
        let notices = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&notices);
        let task = tokio::spawn(async move {
            while let Some(Ok(message)) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
                if let AsyncMessage::Notice(notice) = message {
                    keep(&kept, &notice);
                }
            }
        });
        let config = &self.config;
        Ok(Connection {
            client,
            tls: self.tls.clone(),
            task,
            notices,
            statements: Mutex::default(),
            prepares: config.prepare && with_settings,
            deadline: (!self.unlimited && !config.statement_timeout.is_zero())
                .then(|| config.statement_timeout.saturating_add(GRACE)),
            location: config.location(),
            store_id: OnceLock::new(),
            epoch: AtomicI64::new(0),
        })
    }

    fn driver_config(&self, address: &Address, mode: DriverSslMode, with_settings: bool) -> tokio_postgres::Config {
        let config = &self.config;
        let mut driver = tokio_postgres::Config::new();
        driver.host(&address.host).port(address.port).user(&config.user).dbname(&config.database);
        driver.application_name(&config.application_name).ssl_mode(mode).ssl_negotiation(config.ssl_negotiation);
        driver.channel_binding(config.channel_binding).keepalives(config.keepalive.is_some());
        if let Some(address) = address.hostaddr {
            driver.hostaddr(address);
        }
        // An empty one where there is none: then the server refuses it, and says so by its SQLSTATE.
        driver.password(config.password_for(address).as_ref().map_or("", Secret::reveal));
        if let Some(keepalive) = &config.keepalive {
            keepalive.idle.map(|idle| driver.keepalives_idle(idle));
            keepalive.interval.map(|interval| driver.keepalives_interval(interval));
            keepalive.count.map(|count| driver.keepalives_retries(count));
        }
        if let Some(time) = config.tcp_user_timeout {
            driver.tcp_user_timeout(time);
        }
        if with_settings {
            driver.options(self.settings());
        }
        driver
    }

    /// Settings of the session, in the form of `PGOPTIONS`; what the user gave comes later and wins.
    fn settings(&self) -> String {
        let limits = if self.unlimited {
            (Duration::ZERO, Duration::ZERO)
        } else {
            (self.config.statement_timeout, self.config.lock_timeout)
        };
        let (statement, lock) = (limits.0.as_millis(), limits.1.as_millis());
        let given = self.config.options.as_deref().unwrap_or_default();
        format!(
            "-c statement_timeout={statement} -c lock_timeout={lock} -c default_transaction_isolation=read\\ committed {given}"
        ).trim_end().to_owned()
    }
}

/// How much longer than the server we wait for it to cancel a statement.
const GRACE: Duration = Duration::from_secs(5);

/// The last notices that a connection keeps.
const MAX_NOTICES: usize = 10_000;

fn keep(kept: &Mutex<Vec<Notice>>, notice: &tokio_postgres::error::DbError) {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() < MAX_NOTICES {
        kept.push(Notice {
            severity: notice.severity().to_owned(),
            message: notice.message().to_owned(),
            detail: notice.detail().map(str::to_owned),
            hint: notice.hint().map(str::to_owned),
        });
    }
}

/// An open connection; it ends when it is dropped.
pub(crate) struct Connection {
    client: Client,
    tls: MakeRustlsConnect,
    task: JoinHandle<()>,
    notices: Arc<Mutex<Vec<Notice>>>,
    statements: Mutex<HashMap<&'static str, Statement>>,
    /// Whether named statements last from one transaction to the next.
    prepares: bool,
    deadline: Option<Duration>,
    location: String,
    store_id: OnceLock<UnitId>,
    /// The epoch of what is written here; 0 while that is not settled.
    epoch: AtomicI64,
}

impl Connection {
    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Asks the server to cancel what it runs for this connection, by a connection of its own; nothing where it runs nothing.
    pub(crate) async fn cancel(&self) -> Result<()> {
        let token = self.client.cancel_token();
        let cancelled = tokio::time::timeout(GRACE, token.cancel_query(self.tls.clone())).await;
        let silent =
            |_| Error::new(ErrorKind::Connection, format!("{} did not take the wish to cancel", self.location));
        cancelled.map_err(silent)?.map_err(|cause| convert(cause, &self.location))
    }

    /// Ends it: for who holds it next, it is closed.
    pub(crate) fn abandon(&self) {
        self.task.abort();
    }

    /// The store that the schema says it is.
    pub(crate) fn store_id(&self) -> Result<UnitId> {
        let missing = || Error::new(ErrorKind::MissingDependency, "the schema has no identity: run `opledger install`");
        self.store_id.get().copied().ok_or_else(missing)
    }

    /// Asks the schema who it is. After a restore or a promotion, that begins a new epoch of the log.
    pub(crate) async fn introduce(&self) -> Result<()> {
        let sql = "SELECT store_id, CASE WHEN settled THEN epoch END FROM script_tracking.store_open()";
        let rows = self.query_once(sql, &[]).await?;
        let Some(row) = rows.first() else { return Ok(()) };
        if let Some(Uuid(id)) = column::<Option<Uuid>>(row, 0)? {
            self.store_id.get_or_init(|| id);
        }
        self.epoch.store(column::<Option<i64>>(row, 1)?.unwrap_or_default(), Ordering::Relaxed);
        Ok(())
    }

    /// The epoch of what is written here. A session with a standby has none, and gets one when it is promoted.
    pub(crate) async fn epoch(&self) -> Result<i64> {
        if self.epoch.load(Ordering::Relaxed) == 0 {
            self.introduce().await?;
        }
        Ok(self.epoch.load(Ordering::Relaxed))
    }

    /// Whether this is a session of ours, not one that a pooler lends.
    pub(crate) fn is_session(&self) -> bool {
        self.prepares
    }

    pub(crate) fn take_notices(&self) -> Vec<Notice> {
        std::mem::take(&mut *self.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs statements without parameters, as a script.
    pub(crate) async fn run(&self, script: &str) -> Result<()> {
        self.in_time(self.client.batch_execute(script)).await
    }

    /// Runs one statement in one round trip (but for the first time, when it is prepared).
    pub(crate) async fn query(&self, sql: &'static str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>> {
        if !self.prepares {
            return self.query_once(sql, parameters).await;
        }
        let statement = self.statement(sql, parameters).await?;
        let values: Vec<_> = parameters.iter().map(|(value, _)| *value).collect();
        self.in_time(self.client.query(&statement, &values)).await
    }

    /// Runs one statement that is not kept prepared.
    pub(crate) async fn query_once(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>> {
        self.in_time(self.client.query_typed(sql, parameters)).await
    }

    async fn statement(&self, sql: &'static str, parameters: &[Parameter<'_>]) -> Result<Statement> {
        let lock = || self.statements.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(statement) = lock().get(sql) {
            return Ok(statement.clone());
        }
        let types: Vec<_> = parameters.iter().map(|(_, given)| given.clone()).collect();
        let statement = self.in_time(self.client.prepare_typed(sql, &types)).await?;
        lock().insert(sql, statement.clone());
        Ok(statement)
    }

    /// The server cancels what takes too long; where it is silent, the connection is given up.
    async fn in_time<T>(&self, work: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T> {
        let done = match self.deadline {
            Some(time) => tokio::time::timeout(time, work).await.map_err(|_| {
                self.task.abort();
                let message = format!("{} did not answer within {} ms", self.location, time.as_millis());
                Error::new(ErrorKind::Connection, message)
            })?,
            None => work.await,
        };
        done.map_err(|cause| {
            if is_fatal(&cause) {
                self.task.abort();
            }
            convert(cause, &self.location)
        })
    }

    async fn check(&self, target: Target, address: &Address) -> Result<()> {
        let sql = "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only') = 'on'";
        let rows = self.query_once(sql, &[]).await?;
        let state = |place| rows.first().and_then(|row| row.try_get::<_, bool>(place).ok()).unwrap_or_default();
        let (standby, read_only) = (state(0), state(1));
        let (fits, wanted) = match target {
            Target::Any | Target::PreferStandby => (true, ""),
            Target::ReadWrite => (!read_only && !standby, "read-write"),
            Target::ReadOnly => (read_only || standby, "read-only"),
            Target::Primary => (!standby, "a primary"),
            Target::Standby => (standby, "a standby"),
        };
        if fits {
            return Ok(());
        }
        let kind = if target == Target::ReadWrite { ErrorKind::ReadOnly } else { ErrorKind::Connection };
        Err(Error::new(kind, format!("{address} is not {wanted}")))
    }
}
