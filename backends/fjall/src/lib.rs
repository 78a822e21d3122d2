//! The embedded layout on [fjall](https://docs.rs/fjall): a journal and sorted tables, the fastest writes.
//!
//! [`engine::FjallEngine`] adapts fjall to the layout's [`Engine`](opledger_embedded::engine::Engine) contract and
//! closes the holes fjall leaves open: see [`engine`]. What opening would cut off a journal is kept first: see
//! [`journal`].
//!
//! A program built with `panic = "abort"` loses the protection against panics inside fjall.

pub mod engine;
mod guard;
pub mod journal;
mod manifest;
mod open;

pub use engine::FjallEngine;
pub use opledger_embedded::{Durability, Inbox, Options};

/// A store on fjall: `FjallStore::open(folder, Options::default())`.
pub type FjallStore = opledger_embedded::EmbeddedStore<FjallEngine>;
