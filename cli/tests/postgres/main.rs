//! The real binary on a PostgreSQL server of its own.
#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod bench;
#[path = "../common/mod.rs"]
mod common;
mod doctor;
mod pooler;
mod refusals;
mod schema;
mod store;
mod support;
mod sync;
