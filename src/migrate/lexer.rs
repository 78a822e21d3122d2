//! The tokens of a SQL text, as PostgreSQL's scanner sees them: as much as is needed to know where a statement ends.

use std::ops::Range;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Space,
    Comment,
    /// `'…'`, `E'…'`, `$tag$…$tag$`; the prefix of others (`U&`, `B`, `X`, `N`) is a token of its own.
    Text,
    /// `"…"`
    Quoted,
    Word,
    Number,
    /// `$1`
    Parameter,
    /// Any one other character.
    Other(u8),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) range: Range<usize>,
}

/// Something that has no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unterminated {
    pub(super) what: &'static str,
    /// Where it begins.
    pub(super) at: usize,
}

/// Reads token by token; together they are the whole text.
#[derive(Debug, Clone)]
pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str, at: usize) -> Self {
        Self { text, at }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    fn rest(&self, at: usize) -> &'t str {
        self.text.get(at..).unwrap_or_default()
    }

    /// The first place from `at` whose byte is not wanted.
    fn skip(&self, at: usize, wanted: impl Fn(u8) -> bool) -> usize {
        let rest = self.text.as_bytes().get(at..).unwrap_or_default();
        at + rest.iter().position(|byte| !wanted(*byte)).unwrap_or(rest.len())
    }

    fn token(&self, first: u8) -> Result<(Kind, usize), Unterminated> {
        let at = self.at;
        let second = self.byte(at + 1);
        Ok(match (first, second) {
            _ if is_space(first) => (Kind::Space, self.skip(at, is_space)),
            (b'-', Some(b'-')) => (Kind::Comment, self.skip(at, |byte| byte != b'\n' && byte != b'\r')),
            (b'/', Some(b'*')) => (Kind::Comment, self.block_comment(at)?),
            (b'\'', _) => (Kind::Text, self.string(at, at, false)?),
            (b'e' | b'E', Some(b'\'')) => (Kind::Text, self.string(at, at + 1, true)?),
            (b'"', _) => (Kind::Quoted, self.quoted(at)?),
            (b'$', Some(b'0'..=b'9')) => (Kind::Parameter, self.skip(at + 1, |byte| byte.is_ascii_digit())),
            (b'$', _) => match self.tag(at) {
                Some(tag) => (Kind::Text, self.dollar_quoted(at, tag)?),
                None => (Kind::Other(b'$'), at + 1),
            },
            (b'0'..=b'9', _) => (Kind::Number, self.skip(at, |byte| is_word(byte) && byte != b'$')),
            _ if begins_word(first) => (Kind::Word, self.skip(at, is_word)),
            // All else that PostgreSQL knows is ASCII; what is not begins a word.
            _ => (Kind::Other(first), at + 1),
        })
    }

    fn block_comment(&self, begin: usize) -> Result<usize, Unterminated> {
        let (mut at, mut depth) = (begin + 2, 1);
        while depth > 0 {
            at = self.skip(at, |byte| byte != b'*' && byte != b'/');
            let step = match (self.byte(at), self.byte(at + 1)) {
                (Some(b'/'), Some(b'*')) => {
                    depth += 1;
                    2
                }
                (Some(b'*'), Some(b'/')) => {
                    depth -= 1;
                    2
                }
                (Some(_), _) => 1,
                (None, _) => return Err(Unterminated { what: "comment", at: begin }),
            };
            at += step;
        }
        Ok(at)
    }

    /// The end of a string whose quote is at `quote`.
    fn string(&self, begin: usize, quote: usize, escapes: bool) -> Result<usize, Unterminated> {
        let mut at = quote + 1;
        loop {
            at = self.skip(at, |byte| byte != b'\'' && !(escapes && byte == b'\\'));
            match (self.byte(at), self.byte(at + 1)) {
                (None, _) | (Some(b'\\'), None) => return Err(Unterminated { what: "string", at: begin }),
                (Some(b'\\'), _) => at += 2,
                (_, Some(b'\'')) => at += 2,
                // A string goes on after a line break, and there it still has escapes, or still has none.
                _ => match self.continuation(at + 1).filter(|_| escapes) {
                    Some(quote) => at = quote + 1,
                    None => return Ok(at + 1),
                },
            }
        }
    }

    /// The quote that continues a string which ended before `at`: after white space with a line break, comments included.
    fn continuation(&self, mut at: usize) -> Option<usize> {
        let mut line_break = false;
        loop {
            match self.byte(at)? {
                b'\n' | b'\r' => line_break = true,
                byte if is_space(byte) => {}
                b'-' if self.byte(at + 1) == Some(b'-') => {
                    at = self.skip(at, |byte| byte != b'\n' && byte != b'\r');
                    continue;
                }
                b'\'' if line_break => return Some(at),
                _ => return None,
            }
            at += 1;
        }
    }

    fn quoted(&self, begin: usize) -> Result<usize, Unterminated> {
        let mut at = begin + 1;
        loop {
            at = self.skip(at, |byte| byte != b'"');
            match (self.byte(at), self.byte(at + 1)) {
                (None, _) => return Err(Unterminated { what: "quoted name", at: begin }),
                (_, Some(b'"')) => at += 2,
                _ => return Ok(at + 1),
            }
        }
    }

    /// The opening of a dollar-quoted string, `$$` or `$tag$`.
    fn tag(&self, at: usize) -> Option<&'t str> {
        let end = self.skip(at + 1, |byte| is_word(byte) && byte != b'$');
        let tag = self.text.get(at..=end).filter(|tag| tag.ends_with('$'))?;
        // A tag can't begin with a digit, and one such was taken for a parameter already.
        Some(tag)
    }

    fn dollar_quoted(&self, begin: usize, tag: &str) -> Result<usize, Unterminated> {
        let inside = begin + tag.len();
        let length = self.rest(inside).find(tag).ok_or(Unterminated { what: "dollar-quoted string", at: begin })?;
        Ok(inside + length + tag.len())
    }
}

impl Iterator for Lexer<'_> {
    type Item = Result<Token, Unterminated>;

    fn next(&mut self) -> Option<Self::Item> {
        let begin = self.at;
        let first = self.byte(begin)?;
        match self.token(first) {
            Ok((kind, end)) => {
                self.at = end;
                Some(Ok(Token { kind, range: begin..end }))
            }
            Err(unterminated) => {
                self.at = self.text.len();
                Some(Err(unterminated))
            }
        }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

fn begins_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn is_word(byte: u8) -> bool {
    begins_word(byte) || byte.is_ascii_digit() || byte == b'$'
}
