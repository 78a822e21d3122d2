//! A throwaway PostgreSQL server for tests and benches: a cluster in a temporary folder, reached by a unix socket,
//! stopped and removed when it is dropped, when a test panics, and even when the process is killed.
//!
//! A machine without PostgreSQL is an error that says what to install, never a reason to skip a test.
//!
//! ```
//! let server = opledger_testkit_postgres::Server::start()?;
//! let database = server.create_database()?;
//! let mut client = database.connect()?;
//! assert_eq!(client.query_one("SELECT 1 + 1", &[])?.get::<_, i32>(0), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod binaries;
mod database;
mod error;
mod server;

pub use binaries::{Binaries, PACKAGE};
pub use database::Database;
pub use error::{Error, Result};
pub use server::{Builder, Server};
