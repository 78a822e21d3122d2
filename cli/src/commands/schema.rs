//! What the commands for the schema have in common.

use opledger_postgres::{Config, Notice, Session};

use crate::args::database::Target;
use crate::exit::{self, Failure};
use crate::server::ServerUrl;

/// A session with the database that the command line names, and its place without secrets.
pub(super) async fn connect(target: &Target) -> Result<(Session, Config), Failure> {
    let config = ServerUrl::new(&target.database)?.config()?;
    Ok((Session::connect(&config).await?, config))
}

/// The number of the last migration of the schema; none where the schema is not installed.
pub(super) async fn version(session: &Session) -> opledger::Result<Option<u32>> {
    // By the catalogue: a name in a schema that one may not use is an error.
    let there =
        "SELECT c.relname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'script_tracking' AND c.relname = 'schema_version'";
    if session.query(there, &[]).await?.is_empty() {
        return Ok(None);
    }
    let last = "SELECT coalesce(max(version), 0)::text FROM script_tracking.schema_version";
    let rows = session.query(last, &[]).await?;
    Ok(rows.first().and_then(|row| row.first()?.as_deref()?.parse().ok()))
}

/// Refuses to overwrite the work of a later release.
pub(super) fn refuse_newer(found: u32, config: &Config) -> Result<(), Failure> {
    let ours = opledger_sql::schema_version();
    if found <= ours {
        return Ok(());
    }
    let place = config.location();
    Err(Failure::NoStore(format!(
        "{place} has version {found} of the schema, and this opledger brings version {ours}: use the later opledger"
    )))
}

/// Runs a script to its end; what the server says is shown, also when it fails. Gives how many warnings there were.
pub(super) async fn run(session: &Session, script: String) -> Result<u64, Failure> {
    let done = session.run(script).await;
    let warnings = session.take_notices().iter().map(tell).sum();
    done?;
    Ok(warnings)
}

/// The files of the database that are not those of this binary: changed, missing, or no longer part of it.
pub(super) async fn other_files(session: &Session) -> opledger::Result<Vec<String>> {
    let rows = session.query("SELECT file, encode(checksum, 'hex') FROM script_tracking.installed_file", &[]).await?;
    let installed: Vec<(String, String)> =
        rows.into_iter().filter_map(|row| <[_; 2]>::try_from(row).ok()).filter_map(|[a, b]| a.zip(b)).collect();
    let ours: Vec<(String, String)> = opledger_sql::install_files()
        .into_iter()
        .filter(|file| file.path != opledger_sql::CHECKSUMS)
        .map(|file| (file.path.to_owned(), file.checksum()))
        .collect();
    let unlike = |these: &[(String, String)], those: &[(String, String)]| -> Vec<String> {
        these.iter().filter(|file| !those.contains(file)).map(|(path, _)| path.clone()).collect()
    };
    let mut other = [unlike(&installed, &ours), unlike(&ours, &installed)].concat();
    other.sort();
    other.dedup();
    Ok(other)
}

fn tell(notice: &Notice) -> u64 {
    let mut text = notice.message.clone();
    for more in [&notice.detail, &notice.hint].into_iter().flatten() {
        text = format!("{text}\n  {more}");
    }
    if notice.severity == "WARNING" {
        exit::warning(format_args!("{text}"));
        return 1;
    }
    exit::note(format_args!("{text}"));
    0
}
