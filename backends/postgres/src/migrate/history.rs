//! The tables that Flyway, refinery and sqlx keep their history in.

use opledger::migrate::{OtherEntry, OtherHistory, OtherTool};
use opledger::{Error, ErrorKind, Result};

use crate::Session;

const KNOWN: &str = "flyway_schema_history, refinery_schema_history and _sqlx_migrations";

/// Tables of the known names.
const TABLES: &str = "
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p')
  AND c.relname IN ('flyway_schema_history', 'refinery_schema_history', '_sqlx_migrations')
ORDER BY 1";

/// A table's qualified name, quoted, and its columns, by the name that a user gave.
const COLUMNS: &str = "
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), a.attname::text
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.oid = pg_catalog.to_regclass($1)";

pub(super) async fn read(session: &Session, table: Option<&str>) -> Result<OtherHistory> {
    let named = match table {
        Some(table) => table.to_owned(),
        None => the_only_one(session).await?,
    };
    let columns = session.query(COLUMNS, &[Some(&named)]).await?;
    let table =
        columns.iter().flatten().next().cloned().flatten().ok_or_else(|| {
            Error::new(ErrorKind::InvalidValue, format!("there is no table {named} in this database"))
        })?;
    let has = |column: &str| columns.iter().any(|row| row.get(1).and_then(Option::as_deref) == Some(column));
    let tool = if has("installed_rank") {
        OtherTool::Flyway
    } else if has("applied_on") {
        OtherTool::Refinery
    } else if has("success") && has("installed_on") {
        OtherTool::Sqlx
    } else {
        let message = format!("{table} is no history of Flyway, refinery or sqlx");
        return Err(Error::new(ErrorKind::InvalidValue, message));
    };
    let rows = session.query(query(tool, &table), &[]).await?;
    let entries = match tool {
        OtherTool::Flyway => flyway(rows),
        OtherTool::Refinery | OtherTool::Sqlx => rows.into_iter().map(|row| entry(&row)).collect(),
    };
    Ok(OtherHistory { tool, table, entries })
}

async fn the_only_one(session: &Session) -> Result<String> {
    let mut tables: Vec<_> = session.query(TABLES, &[]).await?.into_iter().flatten().flatten().collect();
    match (tables.len(), tables.pop()) {
        (1, Some(table)) => Ok(table),
        (_, None) => {
            let message = format!("there is no history to import in this database; the known tables are {KNOWN}");
            Err(Error::new(ErrorKind::InvalidValue, message))
        }
        (_, Some(last)) => {
            tables.push(last);
            let message = format!("there are several histories: {}; name one", tables.join(", "));
            Err(Error::new(ErrorKind::InvalidValue, message))
        }
    }
}

/// Version, description, success, and Flyway's type; in the order they ran.
fn query(tool: OtherTool, table: &str) -> String {
    match tool {
        OtherTool::Flyway => format!(
            "SELECT version::text, description::text, success::text, type::text FROM {table} ORDER BY installed_rank"
        ),
        OtherTool::Refinery => format!("SELECT version::text, name::text, 'true' FROM {table} ORDER BY version"),
        OtherTool::Sqlx => {
            format!("SELECT version::text, description::text, success::text FROM {table} ORDER BY version")
        }
    }
}

fn entry(row: &[Option<String>]) -> OtherEntry {
    let at = |place: usize| row.get(place).cloned().flatten();
    OtherEntry {
        version: at(0),
        description: at(1).unwrap_or_default(),
        success: at(2).as_deref() == Some("true"),
        covers_earlier: at(3).as_deref().is_some_and(|kind| kind.ends_with("BASELINE")),
    }
}

/// Flyway's table is a log: what was undone or deleted does not count, of a repeatable one the last run does.
fn flyway(rows: Vec<Vec<Option<String>>>) -> Vec<OtherEntry> {
    let mut entries: Vec<OtherEntry> = Vec::new();
    for row in rows {
        let kind = row.get(3).cloned().flatten().unwrap_or_default();
        let entry = entry(&row);
        let is_same = |other: &OtherEntry| match &entry.version {
            Some(version) => other.version.as_ref() == Some(version),
            None => other.version.is_none() && other.description == entry.description,
        };
        let taken_back = kind == "DELETE" || (kind.starts_with("UNDO") && entry.success);
        if kind == "SCHEMA" || (kind.starts_with("UNDO") && !entry.success) {
            continue;
        }
        entries.retain(|other| !is_same(other));
        if !taken_back {
            entries.push(entry);
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_flyways_log_the_last_word_counts() {
        let row = |version: Option<&str>, description: &str, success: &str, kind: &str| {
            [version, Some(description), Some(success), Some(kind)].map(|text| text.map(str::to_owned)).to_vec()
        };
        let entries = flyway(vec![
            row(None, "<< Flyway Schema Creation >>", "true", "SCHEMA"),
            row(Some("1"), "<< Flyway Baseline >>", "true", "BASELINE"),
            row(Some("2"), "a", "true", "SQL"),
            row(None, "view", "true", "SQL"),
            row(Some("3"), "b", "true", "SQL"),
            row(None, "view", "true", "SQL"),
            row(Some("3"), "b", "true", "UNDO_SQL"),
            row(Some("4"), "c", "false", "SQL"),
        ]);
        let shown: Vec<_> = entries
            .iter()
            .map(|entry| (entry.version.as_deref(), entry.description.as_str(), entry.success, entry.covers_earlier))
            .collect();
        let expected = [
            (Some("1"), "<< Flyway Baseline >>", true, true),
            (Some("2"), "a", true, false),
            (None, "view", true, false),
            (Some("4"), "c", false, false),
        ];
        assert_eq!(shown, expected);
    }
}
