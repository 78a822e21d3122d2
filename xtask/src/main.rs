//! Opledger's chores: `cargo xtask test` passes the tests, `cargo xtask ci` does all that CI does.

use std::process::{Command, ExitCode};

/// A program that a test runs, and the Debian package that has it.
const PROGRAMS: [(&str, &str); 6] = [
    ("bash", "bash"),
    ("tar", "tar"),
    ("less", "less"),
    ("more", "util-linux"),
    ("vim", "vim"),
    ("pgbouncer", "pgbouncer"),
];

/// Criterion benches compile C engines: they are built by `cargo bench` alone.
const TESTED: [&str; 3] = ["--workspace", "--exclude", "opledger-benches"];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let task = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let done = match task.as_str() {
        "test" => test(&rest, &[]),
        "ci" => ci(),
        _ => Err("usage: cargo xtask test [-- ARGUMENTS OF cargo test] | cargo xtask ci".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

/// What is built once has no use for what makes building it again quicker.
const ONCE: (&str, &str) = ("CARGO_INCREMENTAL", "0");

fn ci() -> Result<(), String> {
    cargo(&["fmt", "--all", "--check"], &[])?;
    cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"], &[ONCE])?;
    test(&[], &[ONCE])?;
    let documented = [&["doc", "--no-deps", "--locked"], &TESTED[..]].concat();
    cargo(&documented, &[ONCE, ("RUSTDOCFLAGS", "-D warnings")])
}

fn test(rest: &[String], variables: &[(&str, &str)]) -> Result<(), String> {
    install_programs()?;
    let mut arguments = [&["test", "--locked"], &TESTED[..]].concat();
    arguments.extend(rest.iter().map(String::as_str));
    cargo(&arguments, variables)
}

/// Installs what the tests run and the machine lacks: a missing program is no reason to skip a test.
fn install_programs() -> Result<(), String> {
    let mut missing: Vec<&str> =
        PROGRAMS.into_iter().filter(|(program, _)| !is_installed(program)).map(|(_, package)| package).collect();
    if !has_postgres() {
        missing.push("postgresql");
    }
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("xtask: installing {}", missing.join(" "));
    let installed = run(Command::new("apt-get").args(["update", "-q"]))
        .and_then(|()| run(Command::new("apt-get").args(["install", "-qy", "--no-install-recommends"]).args(&missing)));
    installed.map_err(|why| format!("{why}\nthe tests need these packages, please install them: {}", missing.join(" ")))
}

fn is_installed(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    // Servers are in a folder that only root has on PATH.
    let servers = std::path::PathBuf::from("/usr/sbin");
    std::env::split_paths(&folders).chain([servers]).any(|folder| folder.join(program).is_file())
}

/// A PostgreSQL server is seldom on PATH: looks where the tests' own server is looked for (`opledger-testkit-postgres`).
fn has_postgres() -> bool {
    let by_pg_config = Command::new("pg_config").arg("--bindir").output().ok();
    let by_pg_config = by_pg_config.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let usual = ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"];
    let usual = usual.into_iter().flat_map(std::fs::read_dir).flatten().flatten().map(|entry| entry.path().join("bin"));
    is_installed("initdb")
        || by_pg_config
            .map(std::path::PathBuf::from)
            .into_iter()
            .chain(usual)
            .any(|folder| folder.join("initdb").is_file())
}

fn cargo(arguments: &[&str], variables: &[(&str, &str)]) -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    run(Command::new(cargo).args(arguments).envs(variables.iter().copied()))
}

fn run(command: &mut Command) -> Result<(), String> {
    eprintln!("xtask: {command:?}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?} ended with {status}")),
        Err(error) => Err(format!("{command:?} can't be run: {error}")),
    }
}
