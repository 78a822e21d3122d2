//! What can be wrong with a JSON text.

/// The two ways a JSON text is refused: it is not right, or it is too big.
///
/// # Examples
///
/// ```
/// use opledger::hash::{JsonErrorKind, Metadata};
///
/// assert_eq!(Metadata::parse("{").unwrap_err().kind(), JsonErrorKind::Syntax);
/// assert_eq!(Metadata::parse(r#"{"n": 1e999999}"#).unwrap_err().kind(), JsonErrorKind::Limit);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// The text is not JSON, not what jsonb can hold, or not an object where one is needed.
    Syntax,
    /// The text is JSON, but goes past one of the documented limits.
    Limit,
}

/// Why a JSON text was refused, with the byte where; it never quotes the text, which may hold a secret.
///
/// # Examples
///
/// ```
/// use opledger::hash::Metadata;
///
/// let error = Metadata::parse(r#"{"a": 01}"#).unwrap_err();
/// assert_eq!(error.to_string(), "invalid JSON at byte 7: expected `,` or `}`");
/// assert_eq!(error.sqlstate(), "22P02");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// Something else stood where JSON's grammar asks for `expected`.
    #[error("invalid JSON at byte {offset}: expected {expected}")]
    Unexpected {
        /// The byte offset in the text.
        offset: usize,
        /// What would have been right there.
        expected: &'static str,
    },
    /// A string holds an unescaped control character.
    #[error("invalid JSON at byte {offset}: control character 0x{code:02x} must be escaped in a string")]
    ControlCharacter {
        /// The byte offset in the text.
        offset: usize,
        /// The character's code, below 0x20.
        code: u8,
    },
    /// A string holds U+0000, which no text in the ledger may.
    #[error("U+0000 at byte {offset} can not be stored in text")]
    Nul {
        /// The byte offset in the text.
        offset: usize,
    },
    /// A `\u` escape is half of a surrogate pair without the other half.
    #[error("invalid JSON at byte {offset}: a surrogate escape must be a pair, high then low")]
    LoneSurrogate {
        /// The byte offset of the escape.
        offset: usize,
    },
    /// The text is JSON, but metadata has to be an object.
    #[error("metadata must be a JSON object")]
    NotAnObject,
    /// A stored metadata text is not in its canonical form.
    #[error("metadata is not in canonical jsonb form")]
    NotCanonical,
    /// Arrays and objects are nested over 128 deep.
    #[error("JSON nested over {} deep at byte {offset}", JsonError::MAX_DEPTH)]
    TooDeep {
        /// The byte offset of the bracket that goes too deep.
        offset: usize,
    },
    /// A number has over 131,072 digits before the decimal point.
    #[error("number at byte {offset} has over {} integer digits", JsonError::MAX_INTEGER_DIGITS)]
    NumberTooLarge {
        /// The byte offset of the number.
        offset: usize,
    },
    /// A number has over 16,383 digits after the decimal point.
    #[error("number at byte {offset} has over {} fraction digits", JsonError::MAX_FRACTION_DIGITS)]
    NumberTooFine {
        /// The byte offset of the number.
        offset: usize,
    },
    /// The canonical text would be over 1 MiB.
    #[error("JSON of {length} bytes in canonical form is over the limit of {} bytes", JsonError::MAX_LENGTH)]
    TooLong {
        /// How long the canonical text would be, in bytes.
        length: usize,
    },
}

impl JsonError {
    /// The deepest nesting accepted: an array or object inside 127 others.
    pub const MAX_DEPTH: usize = 128;
    /// The most digits a number may have before the decimal point, as in PostgreSQL's `numeric`.
    pub const MAX_INTEGER_DIGITS: usize = 131_072;
    /// The most digits a number may have after the decimal point, as in PostgreSQL's `numeric`.
    pub const MAX_FRACTION_DIGITS: usize = 16_383;
    /// The longest canonical text, in bytes: 1 MiB.
    pub const MAX_LENGTH: usize = 1_048_576;

    /// Tells a text that is wrong from one that is too big.
    ///
    /// # Examples
    ///
    /// ```
    /// use opledger::hash::{JsonError, JsonErrorKind};
    ///
    /// assert_eq!(JsonError::NotAnObject.kind(), JsonErrorKind::Syntax);
    /// assert_eq!(JsonError::TooLong { length: 2_000_000 }.kind(), JsonErrorKind::Limit);
    /// ```
    #[must_use]
    pub fn kind(&self) -> JsonErrorKind {
        match self {
            Self::Unexpected { .. }
            | Self::ControlCharacter { .. }
            | Self::Nul { .. }
            | Self::LoneSurrogate { .. }
            | Self::NotAnObject
            | Self::NotCanonical => JsonErrorKind::Syntax,
            Self::TooDeep { .. } | Self::NumberTooLarge { .. } | Self::NumberTooFine { .. } | Self::TooLong { .. } => {
                JsonErrorKind::Limit
            }
        }
    }

    /// Gives the SQLSTATE that says the same: 22P02 for bad syntax, 22003 for a number out of range, 54001 for too
    /// deep a nesting, 22023 for too long a text or one that is not an object.
    ///
    /// # Examples
    ///
    /// ```
    /// use opledger::hash::JsonError;
    ///
    /// assert_eq!(JsonError::TooDeep { offset: 128 }.sqlstate(), "54001");
    /// ```
    #[must_use]
    pub fn sqlstate(&self) -> &'static str {
        match self {
            Self::Unexpected { .. }
            | Self::ControlCharacter { .. }
            | Self::Nul { .. }
            | Self::LoneSurrogate { .. }
            | Self::NotCanonical => "22P02",
            Self::NumberTooLarge { .. } | Self::NumberTooFine { .. } => "22003",
            Self::TooDeep { .. } => "54001",
            Self::NotAnObject | Self::TooLong { .. } => "22023",
        }
    }
}
