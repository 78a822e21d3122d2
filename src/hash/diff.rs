//! The hash_diff of a version.

use std::net::IpAddr;

use super::canonical::Canonical;
use super::key::Hash;
use super::metadata::Metadata;

/// What the fixed parts take at most: brackets, quotes, separators, `"v1"`, the numbers, an address.
const FIXED_LENGTH: usize = 192;

/// A version's attributes, as its hash_diff sees them.
///
/// The texts are taken as they are; a text with U+0000, which PostgreSQL can't hold, has to be refused before.
///
/// # Examples
///
/// ```
/// use opledger::hash::{DiffInput, Hash};
///
/// let version = DiffInput {
///     script_name: "vacuum",
///     script_type: "MAINTENANCE",
///     execution_status: "COMPLETED",
///     execution_timestamp_us: 1,
///     execution_duration_ms: Some(42),
///     db_session_user: None,
///     client_ip: Some("::1".parse()?),
///     affected_objects: Some(&[Some("public.t".to_owned()), None]),
///     sql_command: None,
///     error_message: None,
///     metadata: None,
/// };
/// assert_eq!(
///     version.canonical(),
///     r#"["v1", "vacuum", "MAINTENANCE", "COMPLETED", 1, 42, null, "::1", ["public.t", null], null, null, null]"#,
/// );
/// assert_eq!(version.hash_diff(), Hash::of(&version.canonical()));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct DiffInput<'a> {
    /// The script's name.
    pub script_name: &'a str,
    /// The script's type, such as `MANUAL`.
    pub script_type: &'a str,
    /// `RUNNING`, `COMPLETED` or `FAILED`.
    pub execution_status: &'a str,
    /// When the operation began, in microseconds since 1970 (UTC).
    pub execution_timestamp_us: i64,
    /// How long it took, in milliseconds, once it is over.
    pub execution_duration_ms: Option<i32>,
    /// Who ran it.
    pub db_session_user: Option<&'a str>,
    /// Where from.
    pub client_ip: Option<IpAddr>,
    /// The objects it touched; PostgreSQL's array may hold NULLs.
    pub affected_objects: Option<&'a [Option<String>]>,
    /// The SQL command, where there is one.
    pub sql_command: Option<&'a str>,
    /// Why it failed, where it did.
    pub error_message: Option<&'a str>,
    /// Its metadata, where it has some.
    pub metadata: Option<&'a Metadata>,
}

impl DiffInput<'_> {
    /// Writes the attributes as the jsonb array that is hashed, as PostgreSQL prints it.
    ///
    /// # Examples
    ///
    /// See [`DiffInput`].
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut out = Canonical::with_capacity(self.length_estimate());
        self.write(&mut out);
        out.into_text()
    }

    /// Writes the same into a buffer that is used again.
    pub fn write(&self, out: &mut Canonical) {
        out.begin();
        out.text(Some(self.script_name));
        out.text(Some(self.script_type));
        out.text(Some(self.execution_status));
        out.number(Some(self.execution_timestamp_us));
        out.number(self.execution_duration_ms.map(i64::from));
        out.text(self.db_session_user);
        out.address(self.client_ip);
        out.texts(self.affected_objects.map(|objects| objects.iter().map(Option::as_deref)));
        out.text(self.sql_command);
        out.text(self.error_message);
        out.metadata(self.metadata.map(Metadata::as_str));
    }

    /// Computes the hash_diff: the SHA-256 of [`DiffInput::canonical`].
    ///
    /// # Examples
    ///
    /// See [`DiffInput`].
    #[must_use]
    pub fn hash_diff(&self) -> Hash {
        // One buffer: copying is far cheaper than hashing, and than hashing in small pieces.
        Hash::of(&self.canonical())
    }

    /// About how long the canonical text gets: exactly enough where nothing needs escaping.
    fn length_estimate(&self) -> usize {
        let length = |text: Option<&str>| text.map_or(0, str::len);
        let objects = self.affected_objects.unwrap_or_default();
        FIXED_LENGTH
            + self.script_name.len()
            + self.script_type.len()
            + self.execution_status.len()
            + length(self.db_session_user)
            + objects.iter().map(|object| length(object.as_deref()) + 6).sum::<usize>()
            + length(self.sql_command)
            + length(self.error_message)
            + length(self.metadata.map(Metadata::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_fixed_parts_fit_the_estimate() {
        let input = DiffInput {
            script_name: "",
            script_type: "",
            execution_status: "",
            execution_timestamp_us: i64::MIN,
            execution_duration_ms: Some(i32::MIN),
            db_session_user: None,
            client_ip: Some("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff".parse().unwrap()),
            affected_objects: Some(&[None, None]),
            sql_command: None,
            error_message: None,
            metadata: None,
        };
        assert!(input.canonical().len() <= input.length_estimate());
    }
}
