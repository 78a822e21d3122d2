//! An embedded ledger of operations: who ran what, when, on which objects, how it ended and how long it took.
//!
//! Every state is kept, in a hub/satellite model with SHA-256 hash keys, so the ledger answers both "how are we
//! doing?" and "what did we know at 14:30?". A [`Tracker`] works over any [`Store`]: in memory, in an embedded
//! engine, in a database.
//!
//! # Parts
//! - [`hash`]: hash keys and hash_diff, equal to the bit to those that PostgreSQL computes.
//! - [`model`]: hubs, versions, and their limits.
//! - [`intent`]: the state machine of an operation, as pure functions.
//! - [`store`]: the contract that a backend implements.
//! - [`sync`]: moving operations between stores.
//! - [`report`]: figures and what they mean, as pure functions.
//! - [`migrate`]: migrations of a database, each an operation.
//! - [`tracker`]: the calls that users make; [`blocking`] has them for plain `fn main`.
//! - [`users`]: tenants, users, logins and sessions.

pub mod blocking;
pub mod error;
pub mod hash;
pub mod intent;
pub mod migrate;
pub mod model;
pub mod report;
pub mod store;
pub mod sync;
pub mod time;
pub mod tracker;
pub mod users;

pub use error::{Error, ErrorKind, Result};
pub use hash::{Hash, Metadata, hash_key};
pub use intent::{Additions, Outcome};
pub use model::{Attributes, Hub, Operation, Position, Status, Tenant, Version, unique_script_name};
pub use store::{Scope, Store};
pub use time::{Clock, SystemClock, Timestamp};
pub use tracker::{Completion, Handle, History, Listing, NewOperation, ScopeError, Tracker};
