//! A store in PostgreSQL, over the schema of `opledger-sql`: the same rows that the SQL API writes and reads.
//!
//! ```no_run
//! # fn main() -> opledger::Result<()> {
//! use opledger::blocking::Tracker;
//! use opledger_postgres::{Config, PostgresStore};
//!
//! let store = PostgresStore::open(&Config::new("postgres://etl@db1,db2/ledger?target_session_attrs=read-write")?)?;
//! let operation = Tracker::new(store).track_operation("Nightly load", "MAINTENANCE")?;
//! assert!(operation.complete()?.is_recorded());
//! # Ok(()) }
//! ```
//!
//! # What it promises
//! - Writes go through functions of the schema, which check every hash and decide by the login what tenants it may
//!   work for. Commits that wait are carried out together, in one round trip.
//! - A commit whose answer was lost is made again for `retry_timeout`; its units are known by their ids, and none is
//!   applied twice. Which errors may pass is decided by SQLSTATE.
//! - The log is ordered by transaction, and shows what no open transaction can precede. A reader sees what was acknowledged
//!   before it asked: where another session's open transaction holds that back, it waits for `log_wait`.

mod answer;
mod call;
mod commit;
mod config;
mod connect;
mod error;
mod log;
mod migrate;
mod pool;
mod read;
mod rows;
mod runtime;
mod session;
mod shared;
mod store;
mod tls;
mod users;
mod values;

pub use config::Config;
pub use connect::Notice;
pub use migrate::{Interrupt, MigratedDatabase};
pub use session::Session;
pub use store::PostgresStore;
