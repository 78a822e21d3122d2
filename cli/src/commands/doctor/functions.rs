//! Functions: whether the server has the texts of our files, with the rights and the search_path they say.

use opledger_postgres::Session;

use super::{Finding, Found};

const PINNED: &str = "SET search_path = pg_catalog, pg_temp";

/// What a file says of a function.
struct Ours {
    /// With its schema.
    name: &'static str,
    body: &'static str,
    definer: bool,
    pinned: bool,
}

/// What the server has.
struct Theirs {
    name: String,
    signature: String,
    body: String,
    definer: bool,
    pinned: bool,
    marked: bool,
}

/// The functions of our files that are the same in every database: the site's own may stand for the others.
fn ours() -> Vec<Ours> {
    let mut found = Vec::new();
    for file in opledger_sql::install_files() {
        let mut rest = file.text;
        while let Some((function, after)) = next(rest) {
            found.push(function);
            rest = after;
        }
    }
    found
}

fn next(text: &'static str) -> Option<(Ours, &'static str)> {
    let words = ["CREATE OR REPLACE FUNCTION ", "CREATE OR REPLACE PROCEDURE "];
    let at_line = |at: &usize| *at == 0 || text.get(..*at).is_some_and(|before| before.ends_with('\n'));
    let starts = |word: &&str| Some((text.match_indices(*word).map(|(at, _)| at).find(at_line)?, word.len()));
    let (at, length) = words.iter().filter_map(starts).min()?;
    let declared = text.get(at + length..)?;
    let (head, rest) = declared.split_once("\nAS $$")?;
    let (body, after) = rest.split_once("$$;")?;
    let name = head.split('(').next()?;
    let function = Ours { name, body, definer: head.contains("SECURITY DEFINER"), pinned: head.contains(PINNED) };
    Some((function, after))
}

async fn theirs(session: &Session) -> opledger::Result<Vec<Theirs>> {
    let sql = "SELECT n.nspname || '.' || p.proname, p.oid::regprocedure::text, p.prosrc, p.prosecdef::text,
            ('search_path=pg_catalog, pg_temp' = ANY (coalesce(p.proconfig, '{}')))::text,
            (coalesce(obj_description(p.oid, 'pg_proc'), '') = 'Part of Opledger.')::text
        FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname IN ('script_tracking', 'auth', 'util')
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
        ORDER BY 2";
    let rows = session.query(sql, &[]).await?;
    let rows = rows.into_iter().map(|row| row.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>());
    Ok(rows
        .filter_map(|row| <[String; 6]>::try_from(row).ok())
        .map(|[name, signature, body, definer, pinned, marked]| Theirs {
            name,
            signature,
            body,
            definer: definer == "true",
            pinned: pinned == "true",
            marked: marked == "true",
        })
        .collect())
}

pub(super) async fn texts(session: &Session) -> Found {
    let (ours, theirs) = (ours(), theirs(session).await?);
    let mut wrong = Vec::new();
    for function in &ours {
        let named: Vec<_> = theirs.iter().filter(|found| found.name == function.name).collect();
        if named.is_empty() {
            wrong.push(format!("{} is missing", function.name));
        } else if !named.iter().any(|found| found.body == function.body && found.definer == function.definer) {
            wrong.push(format!("{} is another", function.name));
        }
    }
    for found in &theirs {
        let known = ours.iter().any(|function| function.name == found.name);
        if found.name.starts_with("script_tracking.") && !known {
            wrong.push(format!("{} is none of ours", found.signature));
        }
    }
    let good = format!("{} functions have the text that this opledger brings", ours.len());
    let advice = "Run `opledger upgrade`, which brings back ours; drop what is none of ours.";
    Ok(Finding::offenders(&wrong, "functions are not as installed", good, advice))
}

pub(super) async fn search_path(session: &Session) -> Found {
    let (ours, theirs) = (ours(), theirs(session).await?);
    let mut loose = Vec::new();
    for found in &theirs {
        let must = match ours.iter().find(|function| function.name == found.name) {
            Some(function) => function.pinned,
            None => found.marked,
        };
        if must && !found.pinned {
            loose.push(found.signature.clone());
        }
    }
    let good = "each function has its search_path";
    Ok(Finding::offenders(&loose, "without their search_path", good, "Run `opledger upgrade`, which sets it again."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_of_the_files_is_found_but_those_a_site_may_have() {
        let found = ours();
        for file in opledger_sql::install_files().iter().filter(|file| file.path.starts_with("functions/")) {
            let declared = file.text.lines().filter(|line| line.starts_with("CREATE OR REPLACE ")).count();
            let stem = file.path.trim_start_matches("functions/").trim_end_matches(".sql");
            let here = found.iter().filter(|function| function.name.ends_with(&format!(".{stem}"))).count();
            assert_eq!(here, declared, "{}", file.path);
        }
        assert!(found.iter().all(|function| !function.body.is_empty()));
    }
}
