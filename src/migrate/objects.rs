//! The objects that statements name: what a migration touches, also where it failed and nothing of it is left.

use super::lexer::Kind;
use super::split::Piece;

/// The objects that a record keeps.
const MOST: usize = 1000;
/// The longest name that is kept, in bytes: two names with quotes.
const LONGEST: usize = 300;

/// Words between a command and the name of its object.
const SKIPPED: [&str; 13] = [
    "if",
    "not",
    "exists",
    "only",
    "concurrently",
    "or",
    "replace",
    "unique",
    "temporary",
    "temp",
    "unlogged",
    "global",
    "local",
];
/// What can be made, changed and dropped, and has a name behind it.
const KINDS: [&str; 24] = [
    "table",
    "view",
    "index",
    "sequence",
    "schema",
    "function",
    "procedure",
    "routine",
    "aggregate",
    "type",
    "domain",
    "trigger",
    "rule",
    "policy",
    "extension",
    "role",
    "user",
    "database",
    "publication",
    "subscription",
    "server",
    "collation",
    "statistics",
    "column",
];

/// Names as the statements write them, each once, in the order they are met.
#[derive(Debug, Default)]
pub(super) struct Objects(Vec<String>);

impl Objects {
    /// Adds what a statement names: of `CREATE`, `ALTER`, `DROP`, `COMMENT ON`, `GRANT … ON` the object, of the commands on
    /// rows the table.
    pub(super) fn see(&mut self, piece: &Piece<'_>, text: &str) {
        let Some(name) = object(piece, text) else { return };
        if name.len() <= LONGEST && self.0.len() < MOST && !self.0.contains(&name) {
            self.0.push(name);
        }
    }

    pub(super) fn into_names(self) -> Vec<String> {
        self.0
    }
}

fn object(piece: &Piece<'_>, text: &str) -> Option<String> {
    let words: Vec<String> = piece
        .tokens
        .iter()
        .take(24)
        .map(|token| match token.kind {
            Kind::Word => text.get(token.range.clone()).unwrap_or_default().to_ascii_lowercase(),
            _ => String::new(),
        })
        .collect();
    let word = |place: usize| words.get(place).map(String::as_str).unwrap_or_default();
    let after = |wanted: &str| words.iter().position(|word| word == wanted).map(|place| place + 1);
    let mut place = match word(0) {
        "create" | "alter" | "drop" => words.iter().position(|word| KINDS.contains(&word.as_str()))? + 1,
        "comment" | "security" => words.iter().skip(1).position(|word| KINDS.contains(&word.as_str()))? + 2,
        "grant" | "revoke" => after("on").filter(|place| *place < 12)?,
        "insert" | "merge" => after("into")?,
        "delete" => after("from")?,
        "update" | "truncate" | "copy" | "reindex" | "cluster" | "lock" | "refresh" => 1,
        _ => return None,
    };
    while SKIPPED.contains(&word(place)) || KINDS.contains(&word(place)) || word(place) == "materialized" {
        place += 1;
    }
    name_at(piece, text, place)
}

/// A name of one or more parts with dots between.
fn name_at(piece: &Piece<'_>, text: &str, place: usize) -> Option<String> {
    let mut name = String::new();
    let mut tokens = piece.tokens.get(place..)?.iter();
    while let Some(token) = tokens.next() {
        match token.kind {
            Kind::Word | Kind::Quoted => name.push_str(text.get(token.range.clone())?),
            _ => break,
        }
        match tokens.next().map(|token| token.kind) {
            Some(Kind::Other(b'.')) => name.push('.'),
            _ => break,
        }
    }
    // `CREATE INDEX ON t` has no name of its own.
    let is_name = !name.is_empty() && !["on", "using", "as"].contains(&name.to_ascii_lowercase().as_str());
    is_name.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::super::split::Splitter;
    use super::*;

    #[test]
    fn objects_are_named_as_they_are_written() {
        for (sql, name) in [
            ("CREATE TABLE IF NOT EXISTS app.users (id int)", "app.users"),
            ("create or replace function app.f(a int) returns int", "app.f"),
            ("CREATE UNIQUE INDEX CONCURRENTLY \"My Index\" ON t (a)", "\"My Index\""),
            ("ALTER TABLE ONLY users ADD COLUMN x int", "users"),
            ("DROP MATERIALIZED VIEW IF EXISTS v", "v"),
            ("INSERT INTO a.b VALUES (1)", "a.b"),
            ("UPDATE ONLY t SET a = 1", "t"),
            ("DELETE FROM ONLY t", "t"),
            ("TRUNCATE TABLE a, b", "a"),
            ("GRANT SELECT ON TABLE t TO r", "t"),
            ("COMMENT ON COLUMN t.c IS 'x'", "t.c"),
        ] {
            let piece = Splitter::new(sql).next().unwrap().unwrap();
            assert_eq!(object(&piece, sql).as_deref(), Some(name), "{sql}");
        }
        for sql in ["SELECT 1", "DO $$ $$", "CREATE INDEX ON t (a)", "GRANT a TO b", "CREATE", "DROP TABLE"] {
            let piece = Splitter::new(sql).next().unwrap().unwrap();
            assert_eq!(object(&piece, sql), None, "{sql}");
        }
    }
}
