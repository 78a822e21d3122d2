//! A store in PostgreSQL, over the schema of `opledger-sql`.

mod config;
mod connect;
mod error;
mod migrate;
mod pool;
mod rows;
mod runtime;
mod session;
mod tls;

pub use config::Config;
pub use connect::Notice;
pub use migrate::MigratedDatabase;
pub use session::Session;
