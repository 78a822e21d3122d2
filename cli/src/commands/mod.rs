//! One file a command; each gives the exit code.

pub(crate) mod annotate;
pub(crate) mod change;
pub(crate) mod cleanup;
pub(crate) mod complete;
pub(crate) mod completions;
pub(crate) mod dashboard;
pub(crate) mod errors;
pub(crate) mod health;
pub(crate) mod history;
pub(crate) mod metrics;
pub(crate) mod migrate;
pub(crate) mod run;
pub(crate) mod run_facts;
pub(crate) mod show;
pub(crate) mod start;
pub(crate) mod verify;
