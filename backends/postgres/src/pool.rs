//! Connections that are used again.

use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::{self, Metrics, PoolError, RecycleError, RecycleResult, Timeouts};
use opledger::{Error, ErrorKind, Result};

use crate::connect::{Connection, Connector};

/// The pool; clones share it.
#[derive(Clone)]
pub(crate) struct Pool(managed::Pool<Manager>);

/// A connection of the pool, given back when it is dropped.
pub(crate) type Pooled = managed::Object<Manager>;

pub(crate) struct Manager(Arc<Connector>);

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = Error;

    async fn create(&self) -> Result<Connection> {
        // Boxed: it is rare, and would be kilobytes of every call's future, which are copied with it.
        let made = async {
            let connection = self.0.connect().await?;
            connection.introduce().await?;
            Ok(connection)
        };
        Box::pin(made).await
    }

    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<Error> {
        connection.take_notices();
        if connection.is_closed() { Err(RecycleError::message("closed")) } else { Ok(()) }
    }
}

impl Pool {
    pub(crate) fn new(connector: Arc<Connector>) -> Result<Self> {
        let config = connector.config();
        // Waiting for a free connection is bounded like a statement is.
        let wait = Some(config.statement_timeout).filter(|time| !time.is_zero());
        let timeouts = Timeouts { wait, create: None, recycle: None };
        let pool = managed::Pool::builder(Manager(Arc::clone(&connector)))
            .max_size(config.pool_size)
            .timeouts(timeouts)
            .runtime(deadpool::Runtime::Tokio1)
            .build();
        pool.map(Self).map_err(|cause| Error::new(ErrorKind::Io, format!("the pool can't be made: {cause}")))
    }

    pub(crate) async fn get(&self) -> Result<Pooled> {
        self.0.get().await.map_err(|cause| match cause {
            PoolError::Backend(error) => error,
            PoolError::Closed => Error::new(ErrorKind::Closed, "the store in PostgreSQL was closed"),
            _ => Error::new(ErrorKind::Overloaded, "all connections of the pool are busy: raise pool_size, or retry"),
        })
    }

    pub(crate) fn close(&self) {
        self.0.close();
    }
}

/// Waits between attempts: longer each time, up to a second.
pub(crate) fn pause(attempt: u32) -> Duration {
    Duration::from_millis(25u64.saturating_mul(1 << attempt.min(6)).min(1000))
}
