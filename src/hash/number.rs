//! Numbers as PostgreSQL's `numeric` reads and prints them, without going through a float.

use std::borrow::Cow;

use super::json_error::JsonError;

/// PostgreSQL's `numeric` refuses an exponent from here on, even on a zero.
const EXPONENT_BOUND: i64 = (i32::MAX / 2) as i64;

/// A number, kept as short as it was written: `1e99999` stays a few bytes until it is printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Number<'a> {
    negative: bool,
    /// The digits from the first that is not zero; none for a zero.
    digits: Cow<'a, str>,
    /// How many zeros follow the digits, before the decimal point.
    zeros: usize,
    /// How many digits stand after the decimal point: PostgreSQL's display scale.
    scale: usize,
}

/// The parts of a number that JSON's grammar has already accepted.
pub(crate) struct NumberParts<'a> {
    pub(crate) negative: bool,
    pub(crate) integer: &'a str,
    pub(crate) fraction: &'a str,
    pub(crate) exponent_negative: bool,
    /// The exponent's digits; empty where there is none.
    pub(crate) exponent: &'a str,
}

impl<'a> Number<'a> {
    /// Makes a number of its parts, or says which limit it breaks; `offset` is for the error.
    pub(crate) fn new(parts: &NumberParts<'a>, offset: usize) -> Result<Self, JsonError> {
        let too_large = JsonError::NumberTooLarge { offset };
        let too_fine = JsonError::NumberTooFine { offset };
        let exponent = exponent(parts);
        if exponent >= EXPONENT_BOUND {
            return Err(too_large);
        }
        if exponent <= -EXPONENT_BOUND {
            return Err(too_fine);
        }
        // All digits as one integer, times ten to the power `shift`.
        let shift = exponent.saturating_sub(i64::try_from(parts.fraction.len()).unwrap_or(i64::MAX));
        let scale = usize::try_from(shift.saturating_neg()).unwrap_or(0);
        if scale > JsonError::MAX_FRACTION_DIGITS {
            return Err(too_fine);
        }
        let digits = join(parts.integer, parts.fraction);
        if digits.is_empty() {
            return Ok(Self { negative: false, digits, zeros: 0, scale });
        }
        let zeros = usize::try_from(shift).unwrap_or(0);
        if digits.len().saturating_add(zeros).saturating_sub(scale) > JsonError::MAX_INTEGER_DIGITS {
            return Err(too_large);
        }
        Ok(Self { negative: parts.negative, digits, zeros, scale })
    }

    /// The length of what [`Number::write`] writes.
    pub(crate) fn length(&self) -> usize {
        let integer = (self.digits.len() + self.zeros).saturating_sub(self.scale).max(1);
        let fraction = if self.scale == 0 { 0 } else { 1 + self.scale };
        usize::from(self.negative) + integer + fraction
    }

    /// Writes the number as `numeric` prints it.
    pub(crate) fn write(&self, out: &mut String) {
        if self.negative {
            out.push('-');
        }
        // Scale and trailing zeros exclude each other; a fraction shorter than the scale is filled on the left.
        let point = self.digits.len().saturating_sub(self.scale);
        let (integer, fraction) = self.digits.split_at_checked(point).unwrap_or_default();
        out.push_str(if integer.is_empty() { "0" } else { integer });
        out.extend(std::iter::repeat_n('0', self.zeros));
        if self.scale > 0 {
            out.push('.');
            out.extend(std::iter::repeat_n('0', self.scale - fraction.len()));
            out.push_str(fraction);
        }
    }
}

/// The exponent's value; one too long to count is as good as infinite.
fn exponent(parts: &NumberParts<'_>) -> i64 {
    if parts.exponent.is_empty() {
        return 0;
    }
    let value: i64 = parts.exponent.parse().unwrap_or(i64::MAX);
    if parts.exponent_negative { -value } else { value }
}

/// All digits without the leading zeros; borrowed where they stand together.
fn join<'a>(integer: &'a str, fraction: &'a str) -> Cow<'a, str> {
    let integer = integer.trim_start_matches('0');
    if integer.is_empty() {
        Cow::Borrowed(fraction.trim_start_matches('0'))
    } else if fraction.is_empty() {
        Cow::Borrowed(integer)
    } else {
        Cow::Owned([integer, fraction].concat())
    }
}
