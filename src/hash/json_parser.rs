//! A parser that accepts what PostgreSQL's jsonb input accepts.

use std::borrow::Cow;

use super::json::{Json, Members};
use super::json_error::JsonError;
use super::number::{Number, NumberParts};

/// A cursor over a JSON text. It recurses once a nested array or object, which the depth limit bounds.
pub(super) struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// Parses one value and nothing after it.
    pub(super) fn document(mut self) -> Result<Json<'a>, JsonError> {
        let value = self.value()?;
        self.skip_whitespace();
        match self.peek() {
            None => Ok(value),
            Some(_) => Err(self.unexpected("the end of the text")),
        }
    }

    fn value(&mut self) -> Result<Json<'a>, JsonError> {
        self.skip_whitespace();
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number().map(Json::Number),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            _ => Err(self.unexpected("a JSON value")),
        }
    }

    fn nested(&mut self, parse: fn(&mut Self) -> Result<Json<'a>, JsonError>) -> Result<Json<'a>, JsonError> {
        if self.depth >= JsonError::MAX_DEPTH {
            return Err(JsonError::TooDeep { offset: self.at });
        }
        self.depth += 1;
        self.at += 1;
        let value = parse(self)?;
        self.depth -= 1;
        Ok(value)
    }

    /// The rest of an array, after its `[`.
    fn array(&mut self) -> Result<Json<'a>, JsonError> {
        let mut items = Vec::new();
        self.skip_whitespace();
        if self.take(b']') {
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value()?);
            self.skip_whitespace();
            if self.take(b']') {
                return Ok(Json::Array(items));
            }
            if !self.take(b',') {
                return Err(self.unexpected("`,` or `]`"));
            }
        }
    }

    /// The rest of an object, after its `{`.
    fn object(&mut self) -> Result<Json<'a>, JsonError> {
        let mut members = Members::new();
        self.skip_whitespace();
        if self.take(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.skip_whitespace();
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a string as key"));
            }
            let key = self.string()?;
            self.skip_whitespace();
            if !self.take(b':') {
                return Err(self.unexpected("`:`"));
            }
            members.push((key, self.value()?));
            self.skip_whitespace();
            if self.take(b'}') {
                return Ok(Json::object(members));
            }
            if !self.take(b',') {
                return Err(self.unexpected("`,` or `}`"));
            }
        }
    }

    fn word(&mut self, word: &'static str, value: Json<'a>) -> Result<Json<'a>, JsonError> {
        if !self.rest().starts_with(word) {
            return Err(self.unexpected("a JSON value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn number(&mut self) -> Result<Number<'a>, JsonError> {
        let start = self.at;
        let negative = self.take(b'-');
        let integer = if self.peek() == Some(b'0') {
            self.at += 1;
            "0"
        } else {
            self.digits()?
        };
        let fraction = if self.take(b'.') { self.digits()? } else { "" };
        let (mut exponent_negative, mut exponent) = (false, "");
        if self.take(b'e') || self.take(b'E') {
            exponent_negative = self.take(b'-');
            if !exponent_negative {
                self.take(b'+');
            }
            exponent = self.digits()?;
        }
        Number::new(&NumberParts { negative, integer, fraction, exponent_negative, exponent }, start)
    }

    /// One digit or more.
    fn digits(&mut self) -> Result<&'a str, JsonError> {
        let rest = self.rest();
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        if length == 0 {
            return Err(self.unexpected("a digit"));
        }
        self.at += length;
        Ok(rest.get(..length).unwrap_or_default())
    }

    /// A string, from its opening quote; borrowed from the text unless it has escapes.
    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.at += 1;
        let mut text = Cow::Borrowed("");
        loop {
            let rest = self.rest();
            let length = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\');
            // The byte found is ASCII, so the cut falls between characters.
            let plain = rest.get(..length.unwrap_or(rest.len())).unwrap_or_default();
            match &mut text {
                Cow::Borrowed("") => text = Cow::Borrowed(plain),
                text => text.to_mut().push_str(plain),
            }
            self.at += plain.len();
            match self.peek() {
                None => return Err(self.unexpected("`\"`")),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.to_mut().push(self.escape()?),
                Some(0) => return Err(JsonError::Nul { offset: self.at }),
                Some(code) => {
                    return Err(JsonError::ControlCharacter { offset: self.at, code });
                }
            }
        }
    }

    /// An escape, from its backslash.
    fn escape(&mut self) -> Result<char, JsonError> {
        let offset = self.at;
        self.at += 1;
        let character = match self.peek() {
            Some(b'u') => return self.unicode_escape(offset),
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            _ => return Err(self.unexpected("one of `\"\\/bfnrtu` after a backslash")),
        };
        self.at += 1;
        Ok(character)
    }

    /// The rest of a `\u` escape, from its `u`; two of them where they are a surrogate pair.
    fn unicode_escape(&mut self, offset: usize) -> Result<char, JsonError> {
        let first = self.hex4()?;
        let code = match first {
            0 => return Err(JsonError::Nul { offset }),
            0xd800..=0xdbff if self.rest().starts_with("\\u") => {
                self.at += 1;
                match self.hex4()? {
                    second @ 0xdc00..=0xdfff => 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00),
                    _ => return Err(JsonError::LoneSurrogate { offset }),
                }
            }
            _ => first,
        };
        char::from_u32(code).ok_or(JsonError::LoneSurrogate { offset })
    }

    /// The four hexadecimal digits after a `u`.
    fn hex4(&mut self) -> Result<u32, JsonError> {
        self.at += 1;
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            code = code * 16 + digit.ok_or_else(|| self.unexpected("four hexadecimal digits after `\\u`"))?;
            self.at += 1;
        }
        Ok(code)
    }

    fn skip_whitespace(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn unexpected(&self, expected: &'static str) -> JsonError {
        JsonError::Unexpected { offset: self.at, expected }
    }
}
