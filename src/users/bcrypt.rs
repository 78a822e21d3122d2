//! bcrypt as pgcrypto writes and verifies it: `$2a$`. For `$2b$`, which says the same, pgcrypto falls back to DES silently.

use std::hint::black_box;

use bcrypt::{BcryptError, Version, hash_with_result, hash_with_salt, verify};
use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, ErrorKind, Result};

/// A new hash of a password. The password was checked before: the library cuts at 72 bytes, and its functions that
/// refuse to cut refuse 72 as well, which count in full.
pub(super) fn hash(password: &SecretString, cost: u32) -> Result<String> {
    let parts = hash_with_result(password.expose_secret(), cost).map_err(failed)?;
    Ok(parts.format_for_version(Version::TwoA))
}

/// Whether the password is the one of the hash; none stands for an unknown user. It always takes the work of `cost`,
/// which no stored cost is above.
pub(super) fn check(password: &SecretString, stored: Option<(&str, u32)>, cost: u32) -> Result<bool> {
    let password = password.expose_secret();
    let success = match stored {
        Some((hash, _)) => verify(password, hash).map_err(failed)?,
        None => false,
    };
    for cost in left(stored.map(|(_, cost)| cost), cost) {
        black_box(hash_with_salt(password, cost, [0; 16]).map_err(failed)?);
    }
    Ok(success)
}

/// The costs that are spent beside a check of cost `stored`: 2^a + 2^a + 2^(a+1) + … + 2^(b-1) = 2^b.
fn left(stored: Option<u32>, cost: u32) -> std::ops::Range<u32> {
    match stored {
        Some(stored) => stored..cost,
        None => cost..cost + 1,
    }
}

fn failed(error: BcryptError) -> Error {
    let kind = match error {
        BcryptError::Rand(_) => ErrorKind::Io,
        _ => ErrorKind::Corrupt,
    };
    Error::new(kind, format!("a password could not be hashed or checked: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_and_wrong_take_the_same_work() {
        let work = |stored: Option<u32>, cost| {
            stored.map_or(0, |cost| 1u64 << cost) + left(stored, cost).map(|cost| 1u64 << cost).sum::<u64>()
        };
        for cost in 4..=15 {
            assert_eq!(work(None, cost), 1 << cost);
            for stored in 4..=cost {
                assert_eq!(work(Some(stored), cost), 1 << cost, "{stored} of {cost}");
            }
        }
    }

    #[test]
    fn hashes_have_the_form_that_pgcrypto_verifies() {
        let long = SecretString::from("é".repeat(36));
        let stored = hash(&long, 4).unwrap();
        assert!(stored.starts_with("$2a$04$") && stored.len() == 60, "{stored}");
        assert!(check(&long, Some((&stored, 4)), 5).unwrap());
        let other = SecretString::from(format!("{}è", "é".repeat(35)));
        assert!(!check(&other, Some((&stored, 4)), 4).unwrap(), "the last of 72 bytes counts");
        assert!(!check(&long, None, 4).unwrap());
        // Made by pgcrypto: SELECT crypt('foox', '$2a$06$RQiOJ.3ELirrXwxIZY8q0O').
        let theirs = "$2a$06$RQiOJ.3ELirrXwxIZY8q0OR3CVJrAfda1z26CCHPnB6mmVZD8p0/C";
        assert!(check(&SecretString::from("foox"), Some((theirs, 6)), 6).unwrap());
        assert_eq!(check(&long, Some(("$2a$06$short", 6)), 6).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
