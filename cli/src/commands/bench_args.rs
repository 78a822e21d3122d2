//! The command line of `opledger bench`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use opledger_bench::workload::Workload;

const EXAMPLES: &str = "\
Each round runs in a process of its own, on a new ledger, and is recounted: a ledger that does not hold what it was
given is told, and the exit code is 1. $OPLEDGER_STORE is not looked at, and a store that has anything in it is refused.
On a server each round works on a copy of the database that the URL names, which is never written to; its user must be
allowed to create databases and to see all rows, and nobody else may be connected to it. Copies are dropped at the end.

Examples:
  opledger bench --quick
  opledger bench --store postgres://me@db/empty_ledger --workload buffered-writers,sync
  opledger bench --store sled:/mnt/ssd/a --store redb:/mnt/ssd/b --workload durable --html bench.html

Exit codes: 0; 1 a recount found a difference; 2 bad usage; 3 a store can't be used, or the disk is full;
130 stopped by Ctrl-C (what was finished is printed).";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Bench {
    /// A store to measure: `sled:DIR`, `redb:DIR`, `fjall:DIR` (an empty folder, or none yet), `memory:` or
    /// `postgres://…` (a database with the schema and no operations); may be repeated [default: all embedded engines, in a temporary folder]
    #[arg(long = "store", id = "store", value_name = "URL")]
    pub(crate) stores: Vec<OsString>,
    /// What to measure; may be repeated [default: all]: buffered, buffered-writers, durable, durable-writers, mixed,
    /// history, dashboard, reopen, cleanup, sync
    #[arg(long = "workload", value_name = "NAME", value_delimiter = ',')]
    pub(crate) workloads: Vec<Workload>,
    /// Operations of a round: a fifth of it where one writer waits for the disk, five times as many where they are
    /// stored beforehand [default: 20000, or 2000 with --quick]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(10..=1_000_000_000))]
    pub(crate) operations: Option<u64>,
    /// Threads that write where several do
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) writers: u16,
    /// How often each is measured, in turns [default: 3, or 1 with --quick]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) repeat: Option<u16>,
    /// A look of a minute, with figures that vary
    #[arg(long)]
    pub(crate) quick: bool,
    /// Leave out the baselines: the engines with a plain layout, SQLite, a file that is appended to
    #[arg(long)]
    pub(crate) no_baselines: bool,
    /// Also write a page with plots, to be opened in a browser
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Carry out the round that standard input names, in this folder
    #[arg(long, hide = true, value_name = "DIR")]
    pub(crate) round: Option<PathBuf>,
}
