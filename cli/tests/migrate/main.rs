//! `opledger migrate`: the real binary on a PostgreSQL server of its own.
#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../postgres/support.rs"]
#[allow(dead_code)]
mod support;

mod checks;
mod failures;
mod files;
mod imports;
mod interrupted;
mod ledgers;
mod project;
mod proxy;
mod secrets;
mod shared;
mod upward;
