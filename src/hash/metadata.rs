//! An operation's metadata: a JSON object in canonical jsonb text.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

use super::json::{Json, Members};
use super::json_error::JsonError;
use super::members::{members, object, order};

/// An operation's metadata: a JSON object, held as the text PostgreSQL prints for it as jsonb.
///
/// Nothing passes through a float, so every digit is kept. Two objects that are equal as jsonb, but for a number's
/// trailing zeros, are equal here. serde writes it as a string.
///
/// # Examples
///
/// ```
/// use opledger::hash::Metadata;
///
/// let metadata = Metadata::parse(r#"{"rows":1e5,"db":"crm","rows":1.50}"#)?;
/// assert_eq!(metadata.as_str(), r#"{"db": "crm", "rows": 1.50}"#);
/// # Ok::<(), opledger::hash::JsonError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Metadata(String);

impl Metadata {
    /// Gives the object without members.
    ///
    /// # Examples
    ///
    /// ```
    /// use opledger::hash::Metadata;
    ///
    /// assert_eq!(Metadata::empty().as_str(), "{}");
    /// ```
    #[must_use]
    pub fn empty() -> Self {
        Self("{}".to_owned())
    }

    /// Parses any JSON text of an object into its canonical form.
    ///
    /// # Errors
    ///
    /// When the text is not a JSON object that jsonb can hold, or goes past a limit: nesting over 128 deep, a number
    /// of over 131,072 integer or 16,383 fraction digits, a canonical text over 1 MiB.
    ///
    /// # Examples
    ///
    /// ```
    /// use opledger::hash::{JsonError, Metadata};
    ///
    /// assert_eq!(Metadata::parse(r#" {"caf\u00e9":-0} "#)?.as_str(), r#"{"café": 0}"#);
    /// assert_eq!(Metadata::parse("[1]"), Err(JsonError::NotAnObject));
    /// # Ok::<(), JsonError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        match Json::parse(text)? {
            object @ Json::Object(_) => Ok(Self(object.canonical())),
            _ => Err(JsonError::NotAnObject),
        }
    }

    /// Makes an object of keys and values, each value a JSON string; of equal keys the last one counts.
    ///
    /// # Errors
    ///
    /// When a key or value holds U+0000 (its offset in that text is given), or the canonical text is over 1 MiB.
    ///
    /// # Examples
    ///
    /// ```
    /// use opledger::hash::Metadata;
    ///
    /// let metadata = Metadata::from_pairs([("region", "eu"), ("n", "1")])?;
    /// assert_eq!(metadata.as_str(), r#"{"n": "1", "region": "eu"}"#);
    /// # Ok::<(), opledger::hash::JsonError>(())
    /// ```
    pub fn from_pairs<K, V>(pairs: impl IntoIterator<Item = (K, V)>) -> Result<Self, JsonError>
    where
        K: Into<String>,
        V: Into<String>,
    {
        let members: Result<Members<'static>, JsonError> = pairs
            .into_iter()
            .map(|(key, value)| Ok((without_nul(key.into())?, Json::String(without_nul(value.into())?))))
            .collect();
        Self::from_members(members?)
    }

    /// Gives the canonical text.
    ///
    /// # Examples
    ///
    /// ```
    /// use opledger::hash::Metadata;
    ///
    /// assert_eq!(Metadata::parse(r#"{"a":[1,2]}"#)?.as_str(), r#"{"a": [1, 2]}"#);
    /// # Ok::<(), opledger::hash::JsonError>(())
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Joins two objects as jsonb's `||` does: where both have a top-level key, the other's value counts.
    ///
    /// # Errors
    ///
    /// When the joined text is over 1 MiB.
    ///
    /// # Examples
    ///
    /// ```
    /// use opledger::hash::Metadata;
    ///
    /// let (ours, theirs) = (Metadata::parse(r#"{"a":1,"b":{"x":1}}"#)?, Metadata::parse(r#"{"b":{"y":2}}"#)?);
    /// assert_eq!(ours.merge(&theirs)?.as_str(), r#"{"a": 1, "b": {"y": 2}}"#);
    /// # Ok::<(), opledger::hash::JsonError>(())
    /// ```
    pub fn merge(&self, other: &Metadata) -> Result<Metadata, JsonError> {
        let mut merged = String::new();
        merge_into(&self.0, &other.0, &mut merged)?;
        Ok(Self(merged))
    }

    /// Gives the smallest object that [`merge`](Self::merge) makes `other` of; `None` where no object does, because
    /// `other` lacks a top-level key that is here.
    ///
    /// # Examples
    ///
    /// ```
    /// use opledger::hash::Metadata;
    ///
    /// let (start, end) = (Metadata::parse(r#"{"db":"crm"}"#)?, Metadata::parse(r#"{"db":"crm","rows":7}"#)?);
    /// assert_eq!(start.additions_to(&end).unwrap().as_str(), r#"{"rows": 7}"#);
    /// assert_eq!(end.additions_to(&start), None);
    /// # Ok::<(), opledger::hash::JsonError>(())
    /// ```
    #[must_use]
    pub fn additions_to(&self, other: &Metadata) -> Option<Metadata> {
        if let (Some(ours), Some(theirs)) = (members(&self.0), members(&other.0)) {
            return added(ours, theirs);
        }
        // Both are sorted in the same way.
        let mut ours = self.members().ok()?.into_iter().peekable();
        let mut added = Vec::new();
        for (key, theirs) in other.members().ok()? {
            let known = ours.next_if(|(name, _)| *name == key);
            if known.is_none_or(|(_, value)| value.canonical() != theirs.canonical()) {
                added.push((key, theirs));
            }
        }
        if ours.next().is_some() {
            return None;
        }
        Self::from_members(added).ok()
    }

    /// Gives the canonical JSON text of a top-level key's value.
    ///
    /// # Examples
    ///
    /// ```
    /// use opledger::hash::Metadata;
    ///
    /// let metadata = Metadata::parse(r#"{"db":"crm","rows":1e5}"#)?;
    /// assert_eq!(metadata.get("db").as_deref(), Some("\"crm\""));
    /// assert_eq!(metadata.get("rows").as_deref(), Some("100000"));
    /// assert_eq!(metadata.get("none"), None);
    /// # Ok::<(), opledger::hash::JsonError>(())
    /// ```
    #[must_use]
    pub fn get(&self, key: &str) -> Option<String> {
        let members = self.members().ok()?;
        members.into_iter().find(|(name, _)| name == key).map(|(_, value)| value.canonical())
    }

    fn members(&self) -> Result<Members<'_>, JsonError> {
        match Json::parse(&self.0)? {
            Json::Object(members) => Ok(members),
            _ => Err(JsonError::NotAnObject),
        }
    }

    fn from_members(members: Members<'_>) -> Result<Self, JsonError> {
        let object = Json::object(members);
        object.check_length()?;
        Ok(Self(object.canonical()))
    }

    /// Takes a canonical text as it is: for a store that gives back what [`as_str`](Self::as_str) gave it, and has made
    /// sure that it did. Parsing each text again would take longer than reading it.
    ///
    /// # Examples
    ///
    /// ```
    /// use opledger::hash::Metadata;
    ///
    /// let metadata = Metadata::parse(r#"{"a":1}"#)?;
    /// assert_eq!(Metadata::from_stored(metadata.as_str().to_owned()), metadata);
    /// # Ok::<(), opledger::hash::JsonError>(())
    /// ```
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// Takes a text that has to be canonical already, such as one from another process.
    fn from_canonical(text: String) -> Result<Self, JsonError> {
        if text == "{}" || Self::parse(&text)?.0 == text { Ok(Self(text)) } else { Err(JsonError::NotCanonical) }
    }
}

/// Writes what [`Metadata::merge`] makes of two canonical texts.
pub(super) fn merge_into(ours: &str, theirs: &str, out: &mut String) -> Result<(), JsonError> {
    if let (Some(ours), Some(theirs)) = (members(ours), members(theirs)) {
        return join_into(ours, theirs, out);
    }
    let (ours, theirs) = (Metadata(ours.to_owned()), Metadata(theirs.to_owned()));
    let mut members = ours.members()?;
    members.extend(theirs.members()?);
    out.push_str(Metadata::from_members(members)?.as_str());
    Ok(())
}

/// The same of members as they are written, both in order.
fn join_into(ours: Vec<(&str, &str)>, theirs: Vec<(&str, &str)>, out: &mut String) -> Result<(), JsonError> {
    let mut all = Vec::with_capacity(ours.len() + theirs.len());
    let mut ours = ours.into_iter().peekable();
    for (key, value) in theirs {
        while let Some(our) = ours.next_if(|(name, _)| order(name, key).is_lt()) {
            all.push(our);
        }
        ours.next_if(|(name, _)| *name == key);
        all.push((key, value));
    }
    all.extend(ours);
    let length = object_length(&all);
    if length > JsonError::MAX_LENGTH {
        return Err(JsonError::TooLong { length });
    }
    object(all.into_iter(), length, out);
    Ok(())
}

/// [`Metadata::additions_to`] of members as they are written, both in order.
fn added(ours: Vec<(&str, &str)>, theirs: Vec<(&str, &str)>) -> Option<Metadata> {
    let mut ours = ours.into_iter().peekable();
    let mut added = theirs;
    added.retain(|(key, theirs)| ours.next_if(|(name, _)| name == key).is_none_or(|(_, value)| value != *theirs));
    let length = object_length(&added);
    ours.next().is_none().then(|| {
        let mut text = String::new();
        object(added.into_iter(), length, &mut text);
        Metadata(text)
    })
}

fn object_length(members: &[(&str, &str)]) -> usize {
    // Quotes, colon and space; then a comma and a space between two.
    let each = members.iter().map(|(key, value)| key.len() + value.len() + 4);
    2 + each.sum::<usize>() + members.len().saturating_sub(1) * 2
}

fn without_nul(text: String) -> Result<Cow<'static, str>, JsonError> {
    match text.find('\0') {
        Some(offset) => Err(JsonError::Nul { offset }),
        None => Ok(Cow::Owned(text)),
    }
}

impl Default for Metadata {
    fn default() -> Self {
        Self::empty()
    }
}

impl fmt::Display for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Metadata({})", self.0)
    }
}

impl TryFrom<String> for Metadata {
    type Error = JsonError;

    fn try_from(text: String) -> Result<Self, JsonError> {
        Self::parse(&text)
    }
}

impl std::str::FromStr for Metadata {
    type Err = JsonError;

    fn from_str(text: &str) -> Result<Self, JsonError> {
        Self::parse(text)
    }
}

impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_canonical(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_objects_are_metadata() {
        for text in ["[]", "1", "\"x\"", "null", "true"] {
            assert_eq!(Metadata::parse(text).unwrap_err().to_string(), "metadata must be a JSON object");
        }
    }

    #[test]
    fn pairs_become_strings() {
        let metadata = Metadata::from_pairs([("bb", "1"), ("a", "x\"y"), ("bb", "2")]).unwrap();
        assert_eq!(metadata.as_str(), r#"{"a": "x\"y", "bb": "2"}"#);
        assert_eq!(Metadata::from_pairs([("a\0", "")]), Err(JsonError::Nul { offset: 1 }));
        assert_eq!(Metadata::from_pairs([("a", "\0")]), Err(JsonError::Nul { offset: 0 }));
    }

    #[test]
    fn cut_or_parsed_a_merge_is_the_same() {
        let texts = [
            r"{}",
            r#"{"a": 1}"#,
            r#"{"a": {"x": "}, "}, "cc": null}"#,
            r#"{"b": [1, "\\"], "aa": "\"", "zz": 2}"#,
            r#"{"a": 2, "b": 3, "c": 4, "long name": true}"#,
            r#"{"\n": 1, "a": 1}"#,
        ];
        let parsed = |text: &str| Metadata::parse(text).unwrap();
        for (ours, theirs) in texts.iter().flat_map(|ours| texts.iter().map(|theirs| (parsed(ours), parsed(theirs)))) {
            let mut all = ours.members().unwrap();
            all.extend(theirs.members().unwrap());
            let merged = ours.merge(&theirs).unwrap();
            assert_eq!(merged, Metadata::from_members(all).unwrap(), "{ours} and {theirs}");
            assert_eq!(merged, parsed(merged.as_str()));
            let back = ours.additions_to(&merged).unwrap();
            assert_eq!(ours.merge(&back).unwrap(), merged, "{ours} and {back}");
            let lacks = ours.members().unwrap().iter().any(|(key, _)| theirs.get(key).is_none());
            assert_eq!(ours.additions_to(&theirs).is_none(), lacks, "{ours} to {theirs}");
        }
    }

    #[test]
    fn a_merge_over_the_limit_is_refused() {
        let half = |key| Metadata::from_pairs([(key, "x".repeat(600_000))]).unwrap();
        assert!(matches!(half("a").merge(&half("b")), Err(JsonError::TooLong { .. })));
        assert_eq!(half("a").merge(&half("a")), Ok(half("a")));
    }

    #[test]
    fn serde_reads_back_what_it_wrote_and_nothing_else() {
        let metadata = Metadata::parse(r#"{"a":[1.50,"\n"]}"#).unwrap();
        let json = serde_json::to_string(&metadata).unwrap();
        assert_eq!(json, r#""{\"a\": [1.50, \"\\n\"]}""#);
        assert_eq!(serde_json::from_str::<Metadata>(&json).unwrap(), metadata);
        for text in ["{\"a\":1}", "{} ", "", "[]", "{\"b\": 1, \"a\": 2}"] {
            let json = serde_json::to_string(text).unwrap();
            assert!(serde_json::from_str::<Metadata>(&json).is_err(), "{text}");
        }
    }
}
