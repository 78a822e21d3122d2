//! What `opledger bench` measures: any set of stores side by side under the same workloads, beside what a user would pick
//! instead.
//!
//! ```text
//! run ── for each workload, repetition, subject ──► a process of its own ── round ──► ledger: a store of ours, or a baseline
//!  │                                                  (figures don't mix)     │
//!  └◄── rate or time, bytes on disk, peak memory ◄── recount: all that was given is there, once ◄┘
//! ```
//!
//! - [`content`], [`fill`]: the operations that are written.
//! - [`ledger`], [`baseline`]: where they go.
//! - [`subject`], [`workload`], [`round`]: what is measured, and one measurement.
//! - [`run`], [`process`]: all of them in turns, each in its own process.
//! - [`statistics`], [`report`], [`html`]: what comes out.

pub mod baseline;
pub mod content;
mod failure;
pub mod fill;
pub mod html;
pub mod ledger;
pub mod process;
pub mod recount;
pub mod report;
pub mod round;
pub mod run;
pub mod statistics;
pub mod subject;
pub mod system;
pub mod workload;
