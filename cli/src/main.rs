//! The `opledger` command: tracks real work from any shell, and reports on it.

mod args;
mod commands;
mod exit;
mod output;
#[cfg(feature = "postgres")]
mod server;
mod sink;
mod store;
mod who;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use tracing_subscriber::filter::LevelFilter;

use args::{Cli, Command};
use exit::Failure;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(usage(&error)),
    };
    log();
    ExitCode::from(run(cli).unwrap_or_else(|failure| failure.report()))
}

fn run(cli: Cli) -> Result<u8, Failure> {
    let Cli { global, command } = cli;
    match command {
        Command::Run(args) => commands::run::run(&global, args),
        Command::Start(args) => commands::start::run(&global, args),
        Command::Complete(args) => commands::complete::run(&global, args),
        Command::Annotate(args) => commands::annotate::run(&global, args),
        Command::Show(args) => commands::show::run(&global, &args),
        Command::History(args) => commands::history::run(&global, args),
        Command::Errors(args) => commands::errors::run(&global, &args),
        Command::Dashboard => commands::dashboard::run(&global),
        Command::Metrics => commands::metrics::run(&global),
        Command::Health => commands::health::run(&global),
        Command::Cleanup(args) => commands::cleanup::run(&global, &args),
        Command::Verify(args) => commands::verify::run(&global, &args),
        Command::Bench(args) => commands::bench::run(&global, &args),
        #[cfg(feature = "postgres")]
        Command::Install(args) => commands::install::install(&global, &args),
        Command::Upgrade(args) => commands::install::upgrade(&global, &args),
        Command::Uninstall(args) => commands::uninstall::run(&global, &args),
        Command::Doctor(args) => commands::doctor::run(&global, &args),
        Command::Sync(args) => commands::sync::run(&global, &args),
        Command::Copy(args) => commands::copy::run(&global, &args),
        #[cfg(feature = "postgres")]
        Command::Migrate(args) => commands::migrate::run(&global, args),
        Command::Completions(args) => commands::completions::run(&args),
    }
}

/// Help and version are data; what is wrong with a command line is told on stderr, without its secrets.
fn usage(error: &clap::Error) -> u8 {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let written = error.print().and_then(|()| io::stdout().flush());
            written.map_or_else(|cause| Failure::Output(cause).report(), |()| exit::OK)
        }
        kind => {
            let stderr = io::stderr();
            let colours = stderr.is_terminal() && output::colours_wanted();
            let plain = error.render().to_string();
            let argv: Vec<_> = std::env::args_os().collect();
            let masked = opledger_child::Masker::from_argv(&argv).text(&plain);
            let text = if masked == plain && colours { error.render().ansi().to_string() } else { masked };
            let bare_help = kind == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
            let prefix = if bare_help { "" } else { "opledger: " };
            // Nothing is left to tell it to when stderr is gone.
            let _ = write!(stderr.lock(), "{prefix}{text}");
            exit::USAGE
        }
    }
}

/// Warnings go to stderr; `$OPLEDGER_LOG` names another level, such as `debug`.
fn log() {
    let level = std::env::var("OPLEDGER_LOG").ok().and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::WARN);
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .with_ansi(false)
        .log_internal_errors(false);
    // Fails only where one is set already.
    let _ = subscriber.try_init();
}
