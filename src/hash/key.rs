//! SHA-256 values: hash keys and hash_diffs.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};
use sha2::{Digest, Sha256};

/// A SHA-256 value: the hash key of a business key, or the hash_diff of a version.
///
/// It is written and read as 64 hexadecimal digits, lower-case when written; binary formats hold its 32 bytes.
///
/// # Examples
///
/// ```
/// use opledger::hash::Hash;
///
/// let hash: Hash = "AA0A0136D53A3D826018EDEA591EA8A03C341B4A75CFCD541BF28E2429A521CB".parse()?;
/// assert_eq!(hash, Hash::of("SCRIPT_20240115_143025"));
/// assert_eq!(hash.to_string(), "aa0a0136d53a3d826018edea591ea8a03c341b4a75cfcd541bf28e2429a521cb");
/// # Ok::<(), opledger::hash::ParseHashError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// Hashes a text's UTF-8, as it is: nothing is trimmed or folded.
    ///
    /// # Examples
    ///
    /// ```
    /// use opledger::hash::Hash;
    ///
    /// assert_ne!(Hash::of("padded"), Hash::of(" padded "));
    /// ```
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Takes 32 bytes that are a hash already.
    ///
    /// # Examples
    ///
    /// ```
    /// use opledger::hash::Hash;
    ///
    /// assert_eq!(Hash::from_bytes([0xab; 32]).to_string(), "ab".repeat(32));
    /// ```
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Gives the hash's 32 bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use opledger::hash::Hash;
    ///
    /// assert_eq!(Hash::from_bytes([7; 32]).as_bytes(), &[7; 32]);
    /// ```
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Computes the hash key of a business key: the SHA-256 of its UTF-8, nothing trimmed or folded.
///
/// # Examples
///
/// ```
/// use opledger::hash::hash_key;
///
/// assert_eq!(
///     hash_key("Database Backup_2024-01-15_14:30:25.123456_abc123").to_string(),
///     "6584dc577cde78467c919ab87f1801bd01fec850045238f5ac565eab367c6e59",
/// );
/// ```
#[must_use]
pub fn hash_key(business_key: &str) -> Hash {
    Hash::of(business_key)
}

/// Why a text is not a hash.
///
/// # Examples
///
/// ```
/// use opledger::hash::Hash;
///
/// let error = "abc".parse::<Hash>().unwrap_err();
/// assert_eq!(error.to_string(), "a hash is 64 hexadecimal digits, but this has 3 characters");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseHashError {
    /// The text is too short or too long.
    #[error("a hash is 64 hexadecimal digits, but this has {found} characters")]
    Length {
        /// How many characters it has.
        found: usize,
    },
    /// The text has 64 characters, but one of them is no hexadecimal digit.
    #[error("a hash is 64 hexadecimal digits, but character {position} of these 64 is not one")]
    Digit {
        /// Which character, counted from 1.
        position: usize,
    },
}

impl FromStr for Hash {
    type Err = ParseHashError;

    fn from_str(text: &str) -> Result<Self, ParseHashError> {
        let found = text.chars().count();
        if found != 64 {
            return Err(ParseHashError::Length { found });
        }
        let mut bytes = [0; 32];
        let mut digits = text.chars().enumerate().map(|(index, character)| {
            // A hexadecimal digit is below 16, so the cast keeps it.
            let digit = character.to_digit(16).map(|digit| digit as u8);
            digit.ok_or(ParseHashError::Digit { position: index + 1 })
        });
        for byte in &mut bytes {
            for digit in digits.by_ref().take(2) {
                *byte = *byte << 4 | digit?;
            }
        }
        Ok(Self(bytes))
    }
}

impl fmt::LowerHex for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 64];
        for ([high, low], byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            *high = hex_digit(byte >> 4);
            *low = hex_digit(byte & 15);
        }
        f.pad(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(self, f)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(self, f)
    }
}

impl From<[u8; 32]> for Hash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8]> for Hash {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { self.0.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_str(HexVisitor)
        } else {
            <[u8; 32]>::deserialize(deserializer).map(Self)
        }
    }
}

struct HexVisitor;

impl Visitor<'_> for HexVisitor {
    type Value = Hash;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a hash of 64 hexadecimal digits")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Hash, E> {
        text.parse().map_err(|_| E::invalid_value(Unexpected::Other("another text"), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "aa0a0136d53a3d826018edea591ea8a03c341b4a75cfcd541bf28e2429a521cb";

    #[test]
    fn hex_is_read_in_either_case_and_written_lower() {
        let hash: Hash = HEX.parse().unwrap();
        assert_eq!(HEX.to_uppercase().parse(), Ok(hash));
        assert_eq!(format!("{hash} {hash:?} {hash:x}"), [HEX; 3].join(" "));
        assert_eq!(format!("{hash:.8}"), "aa0a0136");
    }

    #[test]
    fn what_is_not_64_hexadecimal_digits_is_refused() {
        for (text, error) in [
            (String::new(), ParseHashError::Length { found: 0 }),
            (format!("{HEX}0"), ParseHashError::Length { found: 65 }),
            ("é".repeat(32), ParseHashError::Length { found: 32 }),
            (format!("{}g", &HEX[..63]), ParseHashError::Digit { position: 64 }),
            ("é".repeat(64), ParseHashError::Digit { position: 1 }),
            (format!("+{}", &HEX[1..]), ParseHashError::Digit { position: 1 }),
        ] {
            assert_eq!(text.parse::<Hash>(), Err(error), "{text}");
        }
    }

    #[test]
    fn serde_writes_hex_for_people() {
        let hash: Hash = HEX.parse().unwrap();
        let json = serde_json::to_string(&hash).unwrap();
        assert_eq!(json, format!("\"{HEX}\""));
        assert_eq!(serde_json::from_str::<Hash>(&json).unwrap(), hash);
        assert!(serde_json::from_str::<Hash>("\"ab\"").is_err());
        assert!(serde_json::from_str::<Hash>("[1]").is_err());
    }
}
