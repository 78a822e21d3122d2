//! `opledger doctor`: proves an installation, a row a check, and changes nothing.

mod canary;
mod capture;
mod clock;
mod functions;
mod pooler;
mod rights;
mod schema;

use opledger::ErrorKind;
use opledger_postgres::Session;
use pollster::block_on;

use super::schema::connect;
use crate::args::{Global, database};
use crate::exit::{self, Failure};
use crate::output::{self, Rows, Value};

/// What a check found.
struct Finding {
    status: &'static str,
    details: String,
    /// What to do.
    advice: Option<String>,
}

impl Finding {
    fn ok(details: impl Into<String>) -> Self {
        Self { status: "OK", details: details.into(), advice: None }
    }

    fn warning(details: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { status: "WARNING", details: details.into(), advice: Some(advice.into()) }
    }

    fn failed(details: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { status: "FAILED", details: details.into(), advice: Some(advice.into()) }
    }

    /// Failed when there are offenders, which are named.
    fn offenders(found: &[String], what: &str, good: impl Into<String>, advice: impl Into<String>) -> Self {
        if found.is_empty() { Self::ok(good) } else { Self::failed(format!("{what}: {}", found.join(", ")), advice) }
    }
}

type Found = opledger::Result<Finding>;

pub(crate) fn run(global: &Global, args: &database::Doctor) -> Result<u8, Failure> {
    let mut rows = Rows::new(["check", "status", "details", "advice"]);
    let failed = block_on(examine(args, &mut rows))?;
    output::print(global.format, &rows)?;
    Ok(if failed { exit::FOUND } else { exit::OK })
}

async fn examine(args: &database::Doctor, rows: &mut Rows) -> Result<bool, Failure> {
    let (session, config) = connect(&args.target).await?;
    let session = &session;
    let mut report = Report { rows, failed: false };
    report.add("server", schema::server(session).await)?;
    report.add("clock", clock::check(session).await)?;
    report.add("pooler", pooler::check(session, &config).await)?;
    if report.add("schema", schema::version(session, &config).await)? == "FAILED" {
        return Ok(true);
    }
    report.add("files", schema::files(session).await)?;
    report.add("functions", functions::texts(session).await)?;
    report.add("search_path", functions::search_path(session).await)?;
    report.add("grants", rights::grants(session).await)?;
    report.add("row_security", rights::row_security(session).await)?;
    report.add("owner", rights::owner(session).await)?;
    report.add("login", rights::login(session).await)?;
    report.add("table_triggers", capture::table_triggers(session).await)?;
    report.add("event_triggers", capture::event_triggers(session).await)?;
    report.add("capture_rules", capture::rules(session).await)?;
    report.add("capture_failures", capture::failures(session).await)?;
    report.add("capture_coverage", capture::coverage(session).await)?;
    report.add("canary", canary::check(session).await)?;
    Ok(report.failed)
}

struct Report<'a> {
    rows: &'a mut Rows,
    failed: bool,
}

impl Report<'_> {
    /// What could not be asked for want of rights is unproven; any other error is a failure of its own. Without a server
    /// there is no report.
    fn add(&mut self, check: &'static str, found: Found) -> Result<&'static str, Failure> {
        let finding = match found {
            Ok(finding) => finding,
            Err(error) if error.kind() == ErrorKind::Connection => return Err(error.into()),
            Err(error) if error.kind() == ErrorKind::Permission => Finding::warning(
                format!("not looked at: {}", exit::describe(&error)),
                "Ask with a login that is an admin.",
            ),
            Err(error) => {
                Finding::failed(exit::describe(&error), "Read the server's log; then run `opledger upgrade`.")
            }
        };
        self.failed |= finding.status == "FAILED";
        self.rows.push([check.into(), Value::Word(finding.status), finding.details.into(), finding.advice.into()]);
        Ok(finding.status)
    }
}

/// The first column of each row.
async fn names(session: &Session, sql: impl Into<String>) -> opledger::Result<Vec<String>> {
    let rows = session.query(sql, &[]).await?;
    Ok(rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
}

/// The only row, with NULL as an empty text.
async fn one<const N: usize>(
    session: &Session,
    sql: &str,
    parameters: &[Option<&str>],
) -> opledger::Result<[String; N]> {
    let row = session.query(sql, parameters).await?.into_iter().next().unwrap_or_default();
    let row: Vec<_> = row.into_iter().map(Option::unwrap_or_default).collect();
    <[String; N]>::try_from(row).map_err(|row| {
        opledger::Error::new(ErrorKind::Corrupt, format!("the server answered {} columns, not {N}", row.len()))
    })
}
