//! What every embedded engine shares: key layout, codec, group commit, counters, lock, inbox.
//!
//! An engine is an ordered map of bytes with atomic batches ([`engine::Engine`]); [`EmbeddedStore`] makes a
//! [`Store`](opledger::Store) of it. A store is a folder:
//!
//! ```text
//! LOCK       held by the process that has the store open; says who that is
//! HEAD       the last acknowledged position and count, by which a lost tail is noticed
//! sled/ …    the engine's files, in a folder of its name
//! inbox/     intents of processes that do not hold the store, folded in by the one that does
//! aside/     files as they were found, when a damaged or shortened engine was opened
//! ```

mod answer;
mod block;
mod block_cache;
mod codec;
mod committer;
mod counters;
pub mod disk;
mod documents;
pub mod engine;
mod files;
pub mod guard;
mod head;
mod held;
mod inbox;
mod integrity;
mod keys;
mod known;
mod load;
mod lock;
#[cfg(test)]
mod map_engine;
mod open;
mod options;
mod pending;
mod purge;
mod queue;
mod reader;
mod shared;
mod store;
mod transaction;

pub use inbox::Inbox;
pub use options::{Durability, Options};
pub use store::EmbeddedStore;
