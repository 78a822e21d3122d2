//! What the benches and `figures` share: the same content for every store, the ledger that a user would write on SQLite
//! instead, and stores filled with a month of operations.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench that can't go on has nothing better to do than to say where"
)]
#![allow(clippy::missing_panics_doc, reason = "all of it panics when a store fails")]

pub mod content;
pub mod fill;
pub mod ledger;
pub mod sqlite;
pub mod system;
