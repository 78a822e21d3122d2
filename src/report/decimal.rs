//! Exact numbers: ratios of integers, and decimals with two places.

use std::cmp::Ordering;
use std::fmt;

use serde::{Serialize, Serializer};

/// A ratio of two integers, the second above zero; compared exactly.
///
/// ```
/// use opledger::report::Ratio;
/// assert_eq!(Ratio::new(1, 3).round().to_string(), "0.33");
/// assert_eq!(Ratio::new(-1, 200).round().to_string(), "-0.01"); // half away from zero
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Ratio {
    numerator: i128,
    denominator: i128,
}

impl Ratio {
    /// `numerator / denominator`; a denominator below 1 counts as 1.
    #[must_use]
    pub fn new(numerator: i128, denominator: i128) -> Self {
        let denominator = denominator.max(1);
        let divisor = greatest_common_divisor(numerator.unsigned_abs(), denominator.unsigned_abs());
        let divisor = i128::try_from(divisor).unwrap_or(1).max(1);
        Self { numerator: numerator / divisor, denominator: denominator / divisor }
    }

    /// The sum. Both are kept in lowest terms, so counts of up to 2^40 stay exact.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let left = self.numerator.saturating_mul(other.denominator);
        let right = other.numerator.saturating_mul(self.denominator);
        Self::new(left.saturating_add(right), self.denominator.saturating_mul(other.denominator))
    }

    /// The product with `numerator / denominator`.
    #[must_use]
    pub fn times(self, numerator: i128, denominator: i128) -> Self {
        Self::new(self.numerator.saturating_mul(numerator), self.denominator.saturating_mul(denominator))
    }

    /// Rounded to two places, half away from zero.
    #[must_use]
    pub fn round(self) -> Decimal {
        let scaled = self.numerator.saturating_mul(100);
        let (whole, rest) = (scaled / self.denominator, (scaled % self.denominator).abs());
        let away = if rest >= self.denominator - rest { scaled.signum() } else { 0 };
        Decimal(whole + away)
    }
}

impl From<u64> for Ratio {
    fn from(whole: u64) -> Self {
        Self { numerator: i128::from(whole), denominator: 1 }
    }
}

impl PartialEq for Ratio {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ratio {}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ratio {
    fn cmp(&self, other: &Self) -> Ordering {
        let left = self.numerator.saturating_mul(other.denominator);
        left.cmp(&other.numerator.saturating_mul(self.denominator))
    }
}

fn greatest_common_divisor(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// A number with two decimal places, as `decimal(15,2)` holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(i128);

impl Decimal {
    /// The number in hundredths.
    #[must_use]
    pub fn hundredths(self) -> i128 {
        self.0
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, size) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        f.pad(&format!("{sign}{}.{:02}", size / 100, size % 100))
    }
}

impl Serialize for Decimal {
    /// Writes a number; exact up to 15 digits, all that the column holds.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[allow(clippy::cast_precision_loss)]
        serializer.serialize_f64(self.0 as f64 / 100.0)
    }
}
