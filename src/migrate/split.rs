//! A script as its statements: where psql would end them, with their lines.

use std::ops::Range;

use super::lexer::{Kind, Lexer, Token, Unterminated};

/// One statement of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement<'t> {
    /// From its first token to its last; without the semicolon.
    pub text: &'t str,
    /// The line of its first token, from 1.
    pub line: usize,
}

/// Why a script can't be taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// Something begins and does not end.
    #[error("line {line}: the {what} that begins here has no end")]
    Unterminated {
        /// A string, a comment, a quoted name.
        what: &'static str,
        /// Where it begins, from 1.
        line: usize,
    },
    /// A command of psql, which the server does not know.
    #[error("line {line}: a backslash outside of a string: commands of psql are not run; write SQL instead")]
    MetaCommand {
        /// Where it stands, from 1.
        line: usize,
    },
}

/// A statement with its tokens.
pub(super) struct Piece<'t> {
    pub(super) statement: Statement<'t>,
    /// Without space and comments.
    pub(super) tokens: Vec<Token>,
}

/// The statements of a script, in order. Empty ones are left out.
///
/// Quotes of every form, dollar quotes, nested comments, rules with several actions in parentheses and the bodies of SQL
/// functions (`BEGIN ATOMIC … END`) are one statement's. Strings without `E` have no escapes (the server's default,
/// `standard_conforming_strings`). Ends at the first error.
///
/// ```
/// use opledger::migrate::statements;
///
/// let script = "SELECT 'a;b';\n-- the second; and last\nSELECT $$;$$";
/// let found: Vec<_> = statements(script).collect::<Result<_, _>>()?;
/// assert_eq!((found[1].text, found[1].line), ("SELECT $$;$$", 3));
/// # Ok::<(), opledger::migrate::SplitError>(())
/// ```
pub fn statements(script: &str) -> impl Iterator<Item = Result<Statement<'_>, SplitError>> {
    Splitter::new(script).map(|piece| piece.map(|piece| piece.statement))
}

pub(super) struct Splitter<'t> {
    text: &'t str,
    lexer: Lexer<'t>,
    lines: Lines<'t>,
    ended: bool,
}

impl<'t> Splitter<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, lexer: Lexer::new(text, 0), lines: Lines::new(text), ended: false }
    }

    fn piece(&mut self, tokens: Vec<Token>) -> Option<Piece<'t>> {
        let range = tokens.first()?.range.start..tokens.last()?.range.end;
        let line = self.lines.line_of(range.start);
        Some(Piece { statement: Statement { text: self.text.get(range).unwrap_or_default(), line }, tokens })
    }

    fn error(&mut self, Unterminated { what, at }: Unterminated) -> SplitError {
        self.ended = true;
        SplitError::Unterminated { what, line: self.lines.line_of(at) }
    }
}

impl<'t> Iterator for Splitter<'t> {
    type Item = Result<Piece<'t>, SplitError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut tokens: Vec<Token> = Vec::new();
        let mut nesting = Nesting::default();
        while !self.ended {
            let token = match self.lexer.next() {
                None => {
                    self.ended = true;
                    break;
                }
                Some(Err(unterminated)) => return Some(Err(self.error(unterminated))),
                Some(Ok(token)) => token,
            };
            match token.kind {
                Kind::Space | Kind::Comment => {}
                Kind::Other(b'\\') => {
                    self.ended = true;
                    return Some(Err(SplitError::MetaCommand { line: self.lines.line_of(token.range.start) }));
                }
                Kind::Other(b';') if nesting.is_closed() => {
                    nesting = Nesting::default();
                    if let Some(piece) = self.piece(std::mem::take(&mut tokens)) {
                        return Some(Ok(piece));
                    }
                }
                kind => {
                    let word = self.text.get(token.range.clone()).unwrap_or_default();
                    nesting.see(kind, word);
                    tokens.push(token);
                }
            }
        }
        self.piece(tokens).map(Ok)
    }
}

/// What is open, by the rules of psql's own scanner.
#[derive(Default)]
struct Nesting {
    parentheses: usize,
    blocks: usize,
    /// The first words of the statement: only CREATE [OR REPLACE] FUNCTION or PROCEDURE has blocks.
    first: Vec<String>,
    has_body: bool,
}

impl Nesting {
    fn is_closed(&self) -> bool {
        self.parentheses == 0 && self.blocks == 0
    }

    fn see(&mut self, kind: Kind, word: &str) {
        match kind {
            Kind::Other(b'(') => self.parentheses += 1,
            Kind::Other(b')') => self.parentheses = self.parentheses.saturating_sub(1),
            Kind::Word if self.first.len() < 4 => {
                self.first.push(word.to_ascii_lowercase());
                self.has_body = begins_routine(&self.first);
            }
            Kind::Word if self.has_body && self.parentheses == 0 => self.see_in_body(word),
            _ => {}
        }
    }

    fn see_in_body(&mut self, word: &str) {
        if word.eq_ignore_ascii_case("begin") || (self.blocks > 0 && word.eq_ignore_ascii_case("case")) {
            self.blocks += 1;
        } else if word.eq_ignore_ascii_case("end") {
            self.blocks = self.blocks.saturating_sub(1);
        }
    }
}

fn begins_routine(words: &[String]) -> bool {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    matches!(
        words.as_slice(),
        ["create", "function" | "procedure", ..] | ["create", "or", "replace", "function" | "procedure"]
    )
}

/// Line numbers of places that are asked for in order.
struct Lines<'t> {
    text: &'t [u8],
    at: usize,
    line: usize,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str) -> Self {
        Self { text: text.as_bytes(), at: 0, line: 1 }
    }

    fn line_of(&mut self, place: usize) -> usize {
        if place < self.at {
            (self.at, self.line) = (0, 1);
        }
        self.line += breaks(self.text, self.at..place);
        self.at = place;
        self.line
    }
}

/// How many lines end in a range: with LF, CR LF, or CR.
fn breaks(text: &[u8], range: Range<usize>) -> usize {
    let is_break = |at: usize| match text.get(at) {
        Some(b'\n') => true,
        Some(b'\r') => text.get(at + 1) != Some(&b'\n'),
        _ => false,
    };
    range.filter(|at| is_break(*at)).count()
}

/// The line of a character of a statement, both counted from 1, from the line that the statement begins on.
pub(super) fn line_in(statement: &Statement<'_>, character: usize) -> usize {
    let text = statement.text;
    let end = text.char_indices().nth(character.saturating_sub(1)).map_or(text.len(), |(at, _)| at);
    statement.line + breaks(text.as_bytes(), 0..end)
}
