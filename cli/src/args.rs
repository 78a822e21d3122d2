//! The command line.

#[cfg(feature = "postgres")]
pub(crate) mod database;
#[cfg(feature = "postgres")]
pub(crate) mod migrate;

use std::ffi::OsString;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use opledger::{Hash, Status, Timestamp};

const EXAMPLES: &str = "\
Examples:
  opledger run --type BACKUP --object src -- tar czf /backup/src.tgz src
  opledger history --days 1 --status FAILED
  opledger --format json dashboard

Exit codes:
  0 all is well; 1 a check found something; 2 bad usage or input; 3 the store can't be used.
  `run` gives the exit code of its command.

Environment:
  OPLEDGER_STORE      the store, where --store is not given
  OPLEDGER_OPERATION  set by `run` for its command: the hash key of the operation
  OPLEDGER_LOG        what is logged to stderr: error, warn (the default), info or debug
  NO_COLOR            no colours";

/// A ledger of operations: who ran what, when, on which objects, how it ended and how long it took.
#[derive(Debug, Parser)]
#[command(name = "opledger", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What stands before or after any command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The store: `sled:DIR`, `redb:DIR`, `fjall:DIR`, `postgres://…` or `memory:` [default: $OPLEDGER_STORE, else a sled store in the user's data folder]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) store: Option<OsString>,
    /// Work on one tenant's rows: its hash key, or `all` for the rows of everyone [default: the system's own rows]
    #[arg(long, global = true, value_name = "HEX", value_parser = tenancy)]
    pub(crate) tenant: Option<Tenancy>,
    /// How rows are printed: tables for people, JSON and CSV for programs
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// How long a reading command waits while another process holds the store
    #[arg(long, global = true, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(crate) wait: Duration,
}

/// Whose rows a command works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tenancy {
    One(Hash),
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table that fits the terminal
    Table,
    /// An array of objects, one row a line
    Json,
    /// Comma-separated values with a header line
    Csv,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Track a command: run it as if alone, and record how it began and ended
    Run(Run),
    /// Record that an operation begins; prints its hash key
    Start(Start),
    /// Record that a running operation has ended
    Complete(Complete),
    /// Add to what is known of a running operation
    Annotate(Annotate),
    /// Show every version of one operation
    Show(Show),
    /// List operations, the newest first
    History(History),
    /// List operations that failed, the newest first
    Errors(Errors),
    /// Show ten figures of the last 24 hours
    Dashboard,
    /// Show figures by type, with trend and rating
    Metrics,
    /// Show the state of the system; exits 1 when something is POOR
    Health,
    /// Remove finished operations that are older than the retention; running ones stay
    Cleanup(Cleanup),
    /// Recompute every hash and check every rule; exits 1 when anything is found
    Verify(Verify),
    /// Compare engines under the same work, beside what one would pick instead
    Bench(crate::commands::bench_args::Bench),
    /// Put the schema into a PostgreSQL database, or bring it up to date
    #[cfg(feature = "postgres")]
    Install(database::Install),
    /// Bring a schema that is there up to date
    #[cfg(feature = "postgres")]
    Upgrade(database::Upgrade),
    /// Remove the schema, with what was recorded in it
    #[cfg(feature = "postgres")]
    Uninstall(database::Uninstall),
    /// Prove an installation in PostgreSQL; exits 1 when a check FAILED
    #[cfg(feature = "postgres")]
    Doctor(database::Doctor),
    /// Send what waits in the store to another one, exactly once; or show how the syncs stand
    Sync(Sync),
    /// Copy all operations from one store to another, then compare the two; exits 1 when they differ
    Copy(Copy),
    /// Run migrations of a PostgreSQL database, each an operation
    #[cfg(feature = "postgres")]
    Migrate(migrate::Migrate),
    /// Print the completion script of a shell
    Completions(Completions),
}

const RUN_EXAMPLES: &str = "\
The command's output, signals and exit code pass through. Secrets in its arguments and in its stderr are
recorded as ***. When the store can't be written the command runs all the same, unless --strict is given.
In the command, $OPLEDGER_OPERATION is the hash key of the operation.

Examples:
  opledger run -- make test
  opledger run --name 'Nightly backup' --type BACKUP --object src --meta ticket=OPS-7 -- tar czf src.tgz src

Exit codes: the command's own; 128+n when signal n killed it; 127 when it is not found, 126 when it can't be
executed; 2 for bad usage; with --strict, 3 when the store can't be written (the command is not run then).";

#[derive(Debug, Args)]
#[command(after_help = RUN_EXAMPLES)]
pub(crate) struct Run {
    /// The operation's name, up to 255 characters [default: the command line]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The kind of work: MANUAL, DDL_AUTO, MAINTENANCE, MIGRATION, BACKUP, REPORTING, or any word
    #[arg(long = "type", value_name = "TYPE", default_value = "MANUAL")]
    pub(crate) script_type: String,
    /// What the command works on; may be repeated
    #[arg(long = "object", value_name = "OBJECT")]
    pub(crate) objects: Vec<String>,
    /// More to know about it, kept as a text in the metadata; may be repeated
    #[arg(long = "meta", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) meta: Vec<(String, String)>,
    /// Don't run the command when its start can't be recorded
    #[arg(long)]
    pub(crate) strict: bool,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) argv: Vec<OsString>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  hk=$(opledger start 'Reindex orders' --type MAINTENANCE)\n  \
    reindex && opledger complete $hk || opledger complete $hk --failed --error 'reindex failed'")]
pub(crate) struct Start {
    /// The operation's name, up to 255 characters
    pub(crate) name: String,
    /// The kind of work: MANUAL, DDL_AUTO, MAINTENANCE, MIGRATION, BACKUP, REPORTING, or any word
    #[arg(long = "type", value_name = "TYPE", default_value = "MANUAL")]
    pub(crate) script_type: String,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  opledger complete $hk\n  opledger complete $hk --failed --error 'no space left'")]
pub(crate) struct Complete {
    /// The operation's hash key, as `start` printed it: 64 hexadecimal digits
    #[arg(value_name = "HK")]
    pub(crate) hk: Hash,
    /// It failed
    #[arg(long)]
    pub(crate) failed: bool,
    /// Why it failed
    #[arg(long, value_name = "MESSAGE", requires = "failed", allow_hyphen_values = true)]
    pub(crate) error: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  opledger annotate $hk rows=1200 phase=load")]
pub(crate) struct Annotate {
    /// The operation's hash key: 64 hexadecimal digits
    #[arg(value_name = "HK")]
    pub(crate) hk: Hash,
    /// What to add, kept as texts in the metadata; a new value replaces an old one
    #[arg(value_name = "KEY=VALUE", required = true, value_parser = pair)]
    pub(crate) pairs: Vec<(String, String)>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  opledger show $hk\n  opledger show $hk --as-of 2024-01-15T14:30:00Z")]
pub(crate) struct Show {
    /// The operation's hash key: 64 hexadecimal digits
    #[arg(value_name = "HK")]
    pub(crate) hk: Hash,
    /// Only the version that was known at this time (RFC 3339, such as 2024-01-15T14:30:25Z)
    #[arg(long, value_name = "TIME")]
    pub(crate) as_of: Option<Timestamp>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  opledger history --days 1\n  opledger history --status FAILED --type BACKUP --limit 10"
)]
pub(crate) struct History {
    /// How many days back
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = positive(), allow_negative_numbers = true)]
    pub(crate) days: i64,
    /// Only operations that stand so
    #[arg(long, value_name = "STATUS", ignore_case = true, value_parser = status())]
    pub(crate) status: Option<Status>,
    /// Only operations of this type
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) script_type: Option<String>,
    /// At most so many, the newest [default: all]
    #[arg(long, value_name = "N", value_parser = positive(), allow_negative_numbers = true)]
    pub(crate) limit: Option<i64>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  opledger errors --hours 48")]
pub(crate) struct Errors {
    /// How many hours back
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = positive(), allow_negative_numbers = true)]
    pub(crate) hours: i64,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  opledger cleanup --retention-days 365 --dry-run")]
pub(crate) struct Cleanup {
    /// How many days finished operations are kept
    #[arg(long, value_name = "N", value_parser = positive(), allow_negative_numbers = true)]
    pub(crate) retention_days: i64,
    /// Only count what would be removed
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Remove also what no sync has taken over yet; a GAP says how many that were
    #[arg(long)]
    pub(crate) even_unsynced: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  opledger sync --to sled:/mnt/shared/ledger --name agent-7\n  opledger sync --status\n\n\
    A sync that can't reach the other store gives up within 30 seconds, exit code 3; what it had sent stays sent."
)]
pub(crate) struct Sync {
    /// The store to send to
    #[arg(long, value_name = "URL", required_unless_present = "status")]
    pub(crate) to: Option<OsString>,
    /// The name under which the other store knows this one, for good [default: USER@HOST]
    #[arg(long, value_name = "AGENT")]
    pub(crate) name: Option<String>,
    /// Send nothing; show how far each sync got, what waits, conflicts and gaps
    #[arg(long, conflicts_with_all = ["to", "name", "accept_restored", "new_store"])]
    pub(crate) status: bool,
    /// This store was restored from an old backup: send everything it has again
    #[arg(long)]
    pub(crate) accept_restored: bool,
    /// This store takes the place of another one that came under its name before
    #[arg(long)]
    pub(crate) new_store: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  opledger copy --from sled:/var/lib/ledger --to redb:/var/lib/ledger-redb\n\n\
    Without --tenant the rows of everyone are copied. A copy that was cut short goes on where it stopped.")]
pub(crate) struct Copy {
    /// The store to copy from
    #[arg(long, value_name = "URL")]
    pub(crate) from: OsString,
    /// The store to copy to; what it has besides stays as it is
    #[arg(long, value_name = "URL")]
    pub(crate) to: OsString,
}

#[derive(Debug, Args)]
#[command(after_help = "Without --tenant the rows of everyone are verified.")]
pub(crate) struct Verify {
    /// Go on with a store whose engine lost the end of its log: without this it takes no writes
    #[arg(long)]
    pub(crate) accept_loss: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  opledger completions bash > ~/.local/share/bash-completion/completions/opledger")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

fn positive() -> clap::builder::RangedI64ValueParser<i64> {
    clap::value_parser!(i64).range(1..=i64::from(i32::MAX))
}

fn status() -> impl TypedValueParser<Value = Status> {
    PossibleValuesParser::new(Status::ALL.map(Status::as_str)).try_map(|word| word.parse::<Status>())
}

fn tenancy(text: &str) -> Result<Tenancy, String> {
    if text == "all" {
        return Ok(Tenancy::All);
    }
    text.parse().map(Tenancy::One).map_err(|error| format!("{error} (or write `all`)"))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| *seconds <= 1e9);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "not a number of seconds, such as 5 or 0.5".to_owned())
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        None => Err("it has no `=`; write KEY=VALUE".to_owned()),
        Some(("", _)) => Err("the key is empty; write KEY=VALUE".to_owned()),
        Some(("run", _)) => Err("the key `run` is reserved for what `opledger run` records; choose another".to_owned()),
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn seconds_are_bounded() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for bad in ["-1", "x", "NaN", "inf", "1e10", ""] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
