//! One file a command; each gives the exit code.

pub(crate) mod annotate;
pub(crate) mod bench;
pub(crate) mod bench_args;
pub(crate) mod bench_output;
#[cfg(feature = "postgres")]
mod bench_server;
pub(crate) mod change;
pub(crate) mod cleanup;
pub(crate) mod complete;
pub(crate) mod completions;
pub(crate) mod copy;
pub(crate) mod dashboard;
#[cfg(feature = "postgres")]
pub(crate) mod doctor;
pub(crate) mod errors;
pub(crate) mod health;
pub(crate) mod history;
#[cfg(feature = "postgres")]
pub(crate) mod install;
pub(crate) mod metrics;
#[cfg(feature = "postgres")]
pub(crate) mod migrate;
pub(crate) mod run;
pub(crate) mod run_facts;
#[cfg(feature = "postgres")]
mod schema;
pub(crate) mod show;
pub(crate) mod start;
pub(crate) mod sync;
pub(crate) mod sync_status;
#[cfg(feature = "postgres")]
pub(crate) mod uninstall;
pub(crate) mod verify;
