//! Business keys: a name, a moment, and six random hex digits.

use super::limits::check_chars;
use crate::error::{Error, ErrorKind, Result};
use crate::time::{Clock, SystemClock, Timestamp};

/// How much of a script name goes into its business key, in characters.
const NAME_IN_KEY: usize = 200;
/// How often a new operation is given another business key when its own is taken.
pub(crate) const KEY_TRIES: usize = 8;

/// A business key for an operation called `name` that starts at `at`:
/// `<first 200 characters>_<UTC YYYY-MM-DD_HH24:MI:SS.US>_<6 lower-case hex>`.
///
/// # Errors
/// Gives 58030 when the operating system has no random bytes.
pub fn business_key(name: &str, at: Timestamp) -> Result<String> {
    let [a, b, c] = random()?;
    Ok(business_key_of(name, at, &format!("{a:02x}{b:02x}{c:02x}")))
}

/// The business key that ends in `ending`, which [`business_key`] draws by chance.
#[must_use]
pub fn business_key_of(name: &str, at: Timestamp, ending: &str) -> String {
    let length = name.char_indices().nth(NAME_IN_KEY).map_or(name.len(), |(length, _)| length);
    let head = name.get(..length).unwrap_or(name);
    [head, &at.to_key_text(), ending].join("_")
}

/// A name that no other call gives, made from `base`.
///
/// ```
/// let name = opledger::unique_script_name("Database Backup")?;
/// assert!(name.starts_with("Database Backup_20"));
/// assert_eq!(name.len(), "Database Backup_2024-01-15_14:30:25.123456_abc123".len());
/// # Ok::<(), opledger::Error>(())
/// ```
///
/// # Errors
/// Gives 22001 when `base` has over 200 characters, 22023 when it holds a NUL.
pub fn unique_script_name(base: &str) -> Result<String> {
    check_chars("p_base_name", base, NAME_IN_KEY)?;
    business_key(base, SystemClock.now())
}

/// `N` random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|cause| Error::new(ErrorKind::Io, "the operating system gave no random bytes").caused_by(cause))?;
    Ok(bytes)
}
