//! The embedded layout on [redb](https://docs.rs/redb): one file, a copy-on-write tree, the fastest scans.
//!
//! [`engine::RedbEngine`] adapts redb to the layout's [`Engine`](opledger_embedded::engine::Engine) contract and closes
//! the holes redb leaves open: see [`engine`]. What opening overwrites is kept first: see [`preserve`].
//!
//! A program built with `panic = "abort"` loses the protection against panics inside redb.

pub mod engine;
mod guard;
mod open;
pub mod preserve;

pub use engine::RedbEngine;
pub use opledger_embedded::{Durability, Inbox, Options};

/// A store on redb: `RedbStore::open(folder, Options::default())`.
pub type RedbStore = opledger_embedded::EmbeddedStore<RedbEngine>;
