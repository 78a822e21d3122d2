//! The default engine of the embedded layout: [sled](https://docs.rs/sled/0.34.7), pinned to 0.34.7.
//!
//! [`engine::SledEngine`] adapts sled to the layout's [`Engine`](opledger_embedded::engine::Engine) contract and closes
//! the holes sled leaves open: see [`engine`]. What opening a damaged store could destroy is kept first: see
//! [`preserve`].
//!
//! A program built with `panic = "abort"` loses the protection against panics inside sled.

pub mod engine;
mod guard;
mod log;
mod open;
mod pack;
mod packed;
pub mod preserve;

pub use engine::SledEngine;
pub use opledger_embedded::{Durability, Inbox, Options};

/// A store on sled: `SledStore::open(folder, Options::default())`.
pub type SledStore = opledger_embedded::EmbeddedStore<SledEngine>;
