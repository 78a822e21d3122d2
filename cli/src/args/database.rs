//! The command line of what concerns a database: `install`, `upgrade`, `uninstall`, `doctor`.

use std::ffi::OsString;

use clap::Args;

/// A database of a PostgreSQL server.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The database: postgres://USER@HOST/DATABASE; what it leaves open is taken from $PG… and ~/.pgpass, a password too
    #[arg(long, value_name = "URL")]
    pub(crate) database: OsString,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The event triggers need a superuser, the roles need CREATEROLE; for who has neither, the rest is \
    installed, and warnings say what is missing. Nothing changes when it is installed already.\n\n\
    Example:\n  opledger install --database postgres://postgres@db1/crm"
)]
pub(crate) struct Install {
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  opledger upgrade --database postgres://postgres@db1/crm")]
pub(crate) struct Upgrade {
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
#[command(after_help = "What the site built on these objects stops it, and is named.\n\n\
    Example:\n  opledger uninstall --database postgres://postgres@db1/crm")]
pub(crate) struct Uninstall {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Don't ask: remove the schema with all operations in it
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Nothing is changed: the operation that is written as a test is rolled back.\n\n\
    Exit codes:\n  0 nothing FAILED; 1 a check FAILED; 2 bad usage; 3 the server can't be reached.\n\n\
    Example:\n  opledger doctor --database postgres://etl@db1/crm")]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) target: Target,
}
