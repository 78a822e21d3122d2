//! The command line of `opledger migrate`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use opledger::migrate::MigrationVersion;

const EXAMPLES: &str = "\
Files are V001__name.sql (run once, in order of version), R__name.sql (run when it changed, after the others) and
V001__name.down.sql (takes V001__name.sql back). A file is one transaction, unless it begins with
  -- opledger: no-transaction
then each of its statements is committed by itself, as CREATE INDEX CONCURRENTLY needs.

Each file that is run is an operation in the --store, which may be another than the database.

Examples:
  opledger migrate status migrations --database postgres://deploy@db/shop
  opledger migrate up migrations --database postgres://deploy@db/shop --dry-run
  opledger migrate down migrations --database postgres://deploy@db/shop --to 12

Exit codes:
  0 all is well; 1 a file failed, or a check found something; 2 bad usage or input; 3 the database or the store can't be used.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Migrate {
    #[command(subcommand)]
    pub(crate) action: Action,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Show how each version stands, what was interrupted, and indexes that were not built to their end
    Status(Target),
    /// Run what is to be run
    Up(Up),
    /// Take the newest versions back by their .down.sql files: one, or all after --to
    Down(Down),
    /// Check that the files are those that were run; exits 1 when one changed, is missing or out of order
    Verify(Target),
    /// Say that the database has all versions up to one already, without running them
    Baseline(Baseline),
    /// Put right what failed or interrupted runs left, and accept changed files by name
    Repair(Repair),
    /// Take over the history that Flyway, refinery or sqlx left in the database
    Import(Import),
}

/// What each of them works on.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The folder of migrations
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// The database: `postgres://USER@HOST/NAME`. What it leaves open is taken from PGHOST, PGUSER, PGPASSWORD, …, and ~/.pgpass
    #[arg(long, value_name = "URL")]
    pub(crate) database: String,
    /// How long to wait while another migration is at work
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = super::seconds)]
    pub(crate) lock_wait: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    pub(crate) target: Target,
    /// The last version to run; repeatable files then wait until no version is left
    #[arg(long, value_name = "VERSION")]
    pub(crate) to: Option<MigrationVersion>,
    /// Run also versions that are lower than one that was run
    #[arg(long)]
    pub(crate) out_of_order: bool,
    /// Show what would be run, and change nothing. The files are taken apart and looked through; the server is not asked whether
    /// their SQL is right
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Down {
    #[command(flatten)]
    pub(crate) target: Target,
    /// The version to stop at, which stays; 0 takes all back [default: take one back]
    #[arg(long, value_name = "VERSION")]
    pub(crate) to: Option<MigrationVersion>,
    /// Show what would be taken back, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Baseline {
    /// The last version that the database has
    #[arg(value_name = "VERSION")]
    pub(crate) version: MigrationVersion,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct Repair {
    #[command(flatten)]
    pub(crate) target: Target,
    /// A file that counts as applied as it is now; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) accept: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    #[command(flatten)]
    pub(crate) target: Target,
    /// The table, where there are several or it has another name than its tool gives it
    #[arg(long, value_name = "TABLE")]
    pub(crate) from: Option<String>,
    /// Show what would be taken over, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}
