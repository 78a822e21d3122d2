//! What all calls of a store share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use opledger::{Error, ErrorKind, Result};
use tokio::sync::Notify;
use tokio_postgres::Row;

use crate::call::Call;
use crate::commit::may_pass;
use crate::config::Config;
use crate::connect::Connector;
use crate::pool::{Pool, pause};

pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) pool: Pool,
    /// Woken when a commit of this store was carried out.
    pub(crate) appended: Notify,
    pub(crate) closed: AtomicBool,
}

impl Shared {
    pub(crate) fn new(config: Config) -> Result<Self> {
        let connector = Arc::new(Connector::new(config.clone(), false)?);
        let pool = Pool::new(connector)?;
        Ok(Self { config, pool, appended: Notify::new(), closed: AtomicBool::new(false) })
    }

    pub(crate) fn check_open(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) { Err(self.closed_error()) } else { Ok(()) }
    }

    pub(crate) fn closed_error(&self) -> Error {
        Error::new(ErrorKind::Closed, format!("the store at {} was closed", self.config.location()))
    }

    /// Makes a call that changes nothing, again while the server can't be reached.
    pub(crate) async fn query(&self, call: &Call<'_>) -> Result<Vec<Row>> {
        let began = Instant::now();
        let mut attempt = 0;
        loop {
            let error = match self.query_once(call).await {
                Ok(rows) => return Ok(rows),
                Err(error) => error,
            };
            if !may_pass(error.kind()) || began.elapsed() >= self.config.retry_timeout {
                return Err(error);
            }
            tokio::time::sleep(pause(attempt)).await;
            attempt += 1;
        }
    }

    /// Makes a call once.
    pub(crate) async fn query_once(&self, call: &Call<'_>) -> Result<Vec<Row>> {
        self.check_open()?;
        let connection = self.pool.get().await?;
        connection.query(call.sql, &call.parameters()).await
    }
}
