//! The members of an object in canonical text, cut out of it: joining two objects parses and writes neither.

use std::cmp::Ordering;

/// The members of a canonical object in their order: each key as it is written, but without its quotes, and the text of its
/// value. None where it has to be parsed: keys with escapes, whose text does not sort as they do, and no canonical text.
pub(super) fn members(object: &str) -> Option<Vec<(&str, &str)>> {
    let mut rest = object.strip_prefix('{')?.strip_suffix('}')?;
    let mut members: Vec<(&str, &str)> = Vec::with_capacity(8);
    while !rest.is_empty() {
        if !members.is_empty() {
            rest = rest.strip_prefix(", ")?;
        }
        let (key, after) = rest.strip_prefix('"')?.split_once('"')?;
        let value = after.strip_prefix(": ")?;
        let (value, after) = value.split_at_checked(value_length(value.as_bytes())?)?;
        if key.contains('\\') || members.last().is_some_and(|(before, _)| order(before, key) != Ordering::Less) {
            return None;
        }
        members.push((key, value));
        rest = after;
    }
    Some(members)
}

/// The order of an object's keys: by length, then by bytes.
pub(super) fn order(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Writes the object of members in their order, which takes `length` bytes.
pub(super) fn object<'a>(members: impl Iterator<Item = (&'a str, &'a str)>, length: usize, out: &mut String) {
    out.reserve(length);
    out.push('{');
    for (index, (key, value)) in members.enumerate() {
        out.push_str(if index > 0 { ", \"" } else { "\"" });
        out.push_str(key);
        out.push_str("\": ");
        out.push_str(value);
    }
    out.push('}');
}

/// Where a value ends that a text begins with.
fn value_length(text: &[u8]) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    loop {
        match text.get(at) {
            Some(b'"') => at += string_length(text.get(at..)?)?,
            Some(b'{' | b'[') => (depth, at) = (depth + 1, at + 1),
            Some(b'}' | b']') => (depth, at) = (depth.checked_sub(1)?, at + 1),
            Some(b',') if depth == 0 => return Some(at),
            Some(_) => at += 1,
            None => return (depth == 0 && at > 0).then_some(at),
        }
    }
}

/// The length of a string with its quotes.
fn string_length(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += text.get(at..)?.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        match text.get(at)? {
            b'"' => return Some(at + 1),
            _ => at += 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_cut_where_they_end() {
        let object = r#"{"a": 1, "b": "x, \"}", "ab": {"c": [1, "]"], "d": {}}, "nn": null}"#;
        let cut = members(object).unwrap();
        assert_eq!(cut, [("a", "1"), ("b", r#""x, \"}""#), ("ab", r#"{"c": [1, "]"], "d": {}}"#), ("nn", "null")]);
        let mut written = String::new();
        super::object(cut.into_iter(), object.len(), &mut written);
        assert_eq!(written, object);
        assert_eq!(members("{}").unwrap(), []);
    }

    #[test]
    fn what_is_not_canonical_is_left_to_the_parser() {
        for text in [
            r#"{"b": 1, "a": 2}"#,
            r#"{"a": 1, "a": 2}"#,
            r#"{"a\n": 1}"#,
            r#"{"a":1}"#,
            r#"{"a": }"#,
            r#"{"a": "}"#,
            r#"{"a": [1}"#,
            r#"{"a": 1]}"#,
            r#"{"a": 1,"b": 2}"#,
            r#"{"a": 1, }"#,
            "[]",
            "",
            "{",
        ] {
            assert_eq!(members(text), None, "{text}");
        }
    }
}
