//! Versions of migrations: numbers with dots, compared as numbers.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use crate::error::{Error, ErrorKind};

/// The longest version, in characters: what `run_migration_enterprise` takes.
const LONGEST: usize = 50;

/// The version of a migration, such as `001`, `1.2` or `20240115143025`.
///
/// It keeps the text that it was given as, and compares as a number, part by part: `001` is `1`, `1.0` is `1`, `1.10` comes
/// after `1.9`. Numbers of any length are compared without loss.
///
/// ```
/// use opledger::migrate::MigrationVersion;
///
/// let version = |text: &str| text.parse::<MigrationVersion>().unwrap();
/// assert_eq!(version("001"), version("1.0"));
/// assert!(version("1.9") < version("1.10"));
/// assert_eq!(version("001").to_string(), "001");
/// ```
#[derive(Debug, Clone)]
pub struct MigrationVersion(String);

impl MigrationVersion {
    /// The text it was given as.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its parts without leading zeros, and without parts of zero at the end.
    fn parts(&self) -> Vec<&str> {
        let mut parts: Vec<&str> = self.0.split(['.', '_']).map(|part| part.trim_start_matches('0')).collect();
        while parts.last().is_some_and(|part| part.is_empty()) {
            parts.pop();
        }
        parts
    }
}

impl FromStr for MigrationVersion {
    type Err = Error;

    /// Reads digits with dots, or single underscores, between them.
    ///
    /// # Errors
    /// Gives 22001 for over 50 characters, 22P02 for anything else that is no version.
    fn from_str(text: &str) -> Result<Self, Error> {
        if text.len() > LONGEST {
            let message = format!("the version is {} characters long; the limit is {LONGEST}", text.chars().count());
            return Err(Error::new(ErrorKind::TooLong, message));
        }
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !text.split(['.', '_']).all(is_number) {
            let message = format!("{text:?} is no version: digits with dots between, such as 001 or 1.2");
            return Err(Error::new(ErrorKind::InvalidText, message));
        }
        Ok(Self(text.to_owned()))
    }
}

impl Ord for MigrationVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        let number = |part: &&str| (part.len(), (*part).to_owned());
        self.parts().iter().map(number).cmp(other.parts().iter().map(number))
    }
}

impl PartialOrd for MigrationVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for MigrationVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for MigrationVersion {}

impl Hash for MigrationVersion {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

impl fmt::Display for MigrationVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> MigrationVersion {
        text.parse().unwrap()
    }

    #[test]
    fn versions_are_numbers_without_loss() {
        let ordered = ["0", "1", "1.0.1", "1.2", "1.10", "2", "10", "20240115143025", "99999999999999999999999999999"];
        for pair in ordered.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{pair:?}");
        }
        for (a, b) in [("001", "1"), ("1.0", "1"), ("1_2", "1.2"), ("01.002", "1.2"), ("0", "0.0")] {
            assert_eq!(version(a), version(b));
        }
        assert_ne!(version("99999999999999999999999999998"), version("99999999999999999999999999999"));
        for bad in ["", "1.", ".1", "1..2", "a", "1a", "-1", "1__2", &"1".repeat(51)] {
            assert!(bad.parse::<MigrationVersion>().is_err(), "{bad}");
        }
    }
}
