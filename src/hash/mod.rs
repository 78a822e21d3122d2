//! Hash keys and hash_diffs, equal to the bit in Rust and in SQL.
//!
//! - A **hash key** is the SHA-256 of a business key's UTF-8: [`hash_key`], `script_tracking.calculate_hash_key` in SQL.
//! - A **hash_diff** is the SHA-256 of a version's attributes, written as the text PostgreSQL prints for one jsonb
//!   array: [`DiffInput`], `script_tracking.calculate_hash_diff` in SQL.
//!
//! For that, this module holds what PostgreSQL's `jsonb` and `inet` do to text: [`Metadata`] is an operation's
//! metadata as canonical jsonb text (numbers keep every digit, keys are sorted by length and then bytes), and
//! [`address_text`] writes an address as `host(inet)` does.
//!
//! # Examples
//!
//! ```
//! use opledger::hash::{DiffInput, Metadata, hash_key};
//!
//! let metadata = Metadata::parse(r#"{"rows": 1e5, "db": "crm"}"#)?;
//! let version = DiffInput {
//!     script_name: "Nightly load",
//!     script_type: "MAINTENANCE",
//!     execution_status: "RUNNING",
//!     execution_timestamp_us: 1_705_329_025_123_456,
//!     execution_duration_ms: None,
//!     db_session_user: Some("etl"),
//!     client_ip: None,
//!     affected_objects: None,
//!     sql_command: None,
//!     error_message: None,
//!     metadata: Some(&metadata),
//! };
//! assert!(version.canonical().ends_with(r#"{"db": "crm", "rows": 100000}]"#));
//! assert_eq!(version.hash_diff().to_string().len(), 64);
//! assert!(hash_key("SCRIPT_20240115_143025").to_string().starts_with("aa0a0136"));
//! # Ok::<(), opledger::hash::JsonError>(())
//! ```

mod address;
mod canonical;
mod diff;
mod escape;
pub(crate) mod json;
mod json_error;
mod json_parser;
mod key;
mod members;
mod metadata;
mod number;

pub use address::address_text;
pub use canonical::Canonical;
pub use diff::DiffInput;
pub(crate) use escape::write_string;
pub use json_error::{JsonError, JsonErrorKind};
pub use key::{Hash, ParseHashError, hash_key};
pub use metadata::Metadata;
