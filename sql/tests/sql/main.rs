//! The SQL API on a throwaway server. One binary, so that the server starts once; modules mirror the files of `sql/`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod api;
mod capture;
mod catalogue;
mod event_triggers;
mod install;
mod install_guarded;
mod migrations;
mod migrations_guarded;
mod migrations_shared;
mod operation_count;
mod races;
mod redaction;
mod reports;
mod support;
mod tenants;
mod tracking;
mod upkeep;
mod users;
mod users_guarded;
mod vectors;
