//! Which server, which schema, which files.

use opledger_postgres::{Config, Session};

use super::{Finding, Found, one};
use crate::commands::schema;

pub(super) async fn server(session: &Session) -> Found {
    let sql =
        "SELECT current_setting('server_version'), current_setting('server_version_num'), pg_is_in_recovery()::text";
    let [version, number, standby] = one(session, sql, &[]).await?;
    if number.parse::<u32>().is_ok_and(|number| number < 140_000) {
        return Ok(Finding::failed(
            format!("PostgreSQL {version}"),
            "Upgrade the server: 14 is the first that will do.",
        ));
    }
    if standby == "true" {
        let advice = "Name the primary, or all hosts with target_session_attrs=read-write.";
        return Ok(Finding::warning(format!("PostgreSQL {version}, a standby: it takes no writes"), advice));
    }
    Ok(Finding::ok(format!("PostgreSQL {version}")))
}

pub(super) async fn version(session: &Session, config: &Config) -> Found {
    let ours = opledger_sql::schema_version();
    let place = config.location();
    let found = match schema::version(session).await {
        Ok(found) => found,
        Err(error) if error.kind() == opledger::ErrorKind::Permission => {
            let details = format!("there is a schema in {place}, and this login may not look into it");
            return Ok(Finding::failed(
                details,
                "Let an admin run: GRANT script_tracking_reader (or _writer) TO this login.",
            ));
        }
        Err(error) => return Err(error),
    };
    Ok(match found {
        None => Finding::failed(format!("not installed in {place}"), "Run `opledger install --database URL`."),
        Some(found) if found > ours => {
            Finding::failed(format!("version {found}, this opledger knows {ours}"), "Use the later opledger.")
        }
        Some(found) if found < ours => {
            Finding::failed(format!("version {found}, this opledger brings {ours}"), "Run `opledger upgrade`.")
        }
        Some(found) => Finding::ok(format!("version {found} in {place}")),
    })
}

pub(super) async fn files(session: &Session) -> Found {
    let count = opledger_sql::install_files().len();
    let other = schema::other_files(session).await?;
    let good = format!("the checksums of {count} files are those of this opledger");
    Ok(Finding::offenders(&other, "installed from other texts", good, "Run `opledger upgrade`."))
}
