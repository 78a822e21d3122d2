//! Databases for a bench: each ledger is a copy of the database that the URL names, which is never written to.

use std::fs;
use std::io::ErrorKind as Io;
use std::path::Path;

use opledger::store::DynStore;
use opledger::{Error, ErrorKind, Result};
use opledger_postgres::{Config, PostgresStore, Session};
use pollster::block_on;

use super::schema;
use crate::exit::{self, Failure};
use crate::server::ServerUrl;

/// By these a round's process knows the server, which is told in no argument, and how the bench's databases begin.
const URL: &str = "OPLEDGER_BENCH_SERVER";
const PREFIX: &str = "OPLEDGER_BENCH_DATABASES";
/// In a ledger's folder: the name of its database.
const NAME: &str = "database";

/// The server of a bench. Its databases are dropped with this.
pub(super) struct Server {
    url: ServerUrl,
    prefix: String,
}

impl Server {
    /// Makes sure that the database has the schema and no operations.
    pub(super) fn new(url: ServerUrl) -> std::result::Result<Self, Failure> {
        let config = url.config()?;
        let place = config.location();
        block_on(async {
            let session = Session::connect(&config).await?;
            match schema::version(&session).await? {
                None => return Err(Failure::NoStore(format!("{place} has no schema: opledger install {place}"))),
                Some(found) => schema::refuse_newer(found, &config)?,
            }
            let any = "SELECT 1::text FROM script_tracking.script_execution_h LIMIT 1";
            if session.query(any, &[]).await?.is_empty() {
                return Ok(());
            }
            let why = "holds operations: a bench copies an empty one; name a new database with the schema";
            Err(Failure::Usage(format!("{place} {why}")))
        })?;
        Ok(Self { url, prefix: format!("opledger_bench_{}_", std::process::id()) })
    }

    /// Tells a round's process of the server.
    pub(super) fn tell(&self, command: &mut std::process::Command) {
        command.env(URL, self.url.secret()).env(PREFIX, &self.prefix);
    }

    fn drop_databases(&self) -> Result<()> {
        let config = self.url.config()?;
        block_on(async {
            let session = Session::connect(&config).await?;
            let all = "SELECT datname::text FROM pg_catalog.pg_database WHERE starts_with(datname::text, $1)";
            for row in session.query(all, &[Some(&self.prefix)]).await? {
                if let Some(Some(name)) = row.first() {
                    session.run(format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)")).await?;
                }
            }
            Ok(())
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.drop_databases() {
            let databases = format!("the databases {}*", self.prefix);
            exit::warning(format_args!("{databases} can't be dropped: {}", exit::describe(&error)));
        }
    }
}

/// Opens the ledger whose folder is `dir`, in a round's process; makes its database where it has none.
pub(super) fn open(dir: &Path) -> Result<Box<dyn DynStore>> {
    let variable = |name: &str| {
        std::env::var(name).map_err(|_| Error::new(ErrorKind::InvalidValue, format!("{name} is not set: no server")))
    };
    let config = Config::new(&variable(URL)?)?;
    let file = dir.join(NAME);
    let unusable = |cause: std::io::Error| Error::new(ErrorKind::Io, format!("can't use {}: {cause}", file.display()));
    let name = match fs::read_to_string(&file) {
        Ok(name) => name,
        Err(error) if error.kind() == Io::NotFound => {
            let of = dir.file_name().unwrap_or_default().to_string_lossy();
            let name = variable(PREFIX)? + &of.replace(|letter: char| !letter.is_ascii_alphanumeric(), "_");
            block_on(make(&config, &name))?;
            fs::write(&file, &name).map_err(unusable)?;
            name
        }
        Err(error) => return Err(unusable(error)),
    };
    Ok(Box::new(PostgresStore::open(&config.with_database(name))?))
}

/// Makes a database by copying the configured one, in the place of one of an earlier round.
async fn make(config: &Config, name: &str) -> Result<()> {
    let session = Session::connect(config).await?;
    let current = session.query("SELECT pg_catalog.quote_ident(pg_catalog.current_database())", &[]).await?;
    let template = current.into_iter().flatten().flatten().next().unwrap_or_default();
    session.run(format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)")).await?;
    session.run(format!("CREATE DATABASE \"{name}\" TEMPLATE {template}")).await
}
