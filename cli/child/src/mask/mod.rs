//! Secrets in arguments and in stderr are replaced by `***` before anything is stored.

mod arguments;
mod names;
mod text;

use std::ffi::OsString;
use std::ops::Range;

const MASK: &str = "***";
/// Shorter secrets are masked where they stand; elsewhere they would hit innocent text.
const SHORTEST_GLOBAL: usize = 4;
/// The most that [`Masker::stderr`] returns.
const STDERR_KEPT: usize = 4096;

/// Two or three are enough for any text seen.
const ROUNDS: usize = 32;

/// Bytes of a text that are secret.
type Span = Range<usize>;

/// Knows the secrets of one command line, and masks them wherever they turn up.
#[derive(Clone, Default)]
pub struct Masker {
    argv: Vec<String>,
    /// The longest first, so that none is masked in part only.
    secrets: Vec<String>,
}

impl std::fmt::Debug for Masker {
    /// Without the secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Masker").field("argv", &self.argv).finish_non_exhaustive()
    }
}

impl Masker {
    /// Finds the secrets of a command line.
    #[must_use]
    pub fn from_argv(argv: &[OsString]) -> Self {
        let plain: Vec<String> = argv.iter().map(|argument| decode(argument.as_encoded_bytes())).collect();
        let spans = arguments::secrets(&plain);
        let mut masker = Self::default();
        for (argument, spans) in plain.iter().zip(&spans) {
            let found = spans.iter().cloned().chain(text::secrets(argument));
            for secret in found.filter_map(|span| argument.get(span)) {
                masker.learn(secret);
            }
        }
        masker.secrets.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        masker.secrets.dedup();
        let masked = plain.iter().zip(spans);
        masker.argv = masked.map(|(argument, spans)| masker.text(&replace(argument, spans))).collect();
        masker
    }

    /// The arguments, decoded lossily, NUL as U+FFFD, masked.
    #[must_use]
    pub fn argv(&self) -> Vec<String> {
        self.argv.clone()
    }

    /// A text, masked: the secrets of the arguments, and what looks like one in the text itself.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        // A mask may complete another pattern; each round leaves less of the text.
        for _ in 0..ROUNDS {
            let spans = self.known(&masked).chain(text::secrets(&masked)).collect();
            let next = replace(&masked, spans);
            if next == masked {
                break;
            }
            masked = next;
        }
        masked
    }

    /// The end of a stderr for storage: decoded lossily, NUL as U+FFFD, masked, and only then
    /// cut to its last 4096 bytes.
    #[must_use]
    pub fn stderr(&self, tail: &[u8]) -> String {
        let masked = self.text(&decode(tail));
        let mut from = masked.len().saturating_sub(STDERR_KEPT);
        while !masked.is_char_boundary(from) {
            from += 1;
        }
        masked.get(from..).unwrap_or_default().to_owned()
    }

    fn known<'m>(&'m self, text: &'m str) -> impl Iterator<Item = Span> + 'm {
        self.secrets
            .iter()
            .flat_map(move |secret| text.match_indices(secret.as_str()).map(|(at, found)| at..at + found.len()))
    }

    fn learn(&mut self, secret: &str) {
        for form in names::forms(secret) {
            let decoded = percent_decoded(&form);
            for form in [form, decoded] {
                let masked = form.chars().all(|c| c == '*');
                if form.chars().count() >= SHORTEST_GLOBAL && !masked && !names::is_word(&form) {
                    self.secrets.push(form);
                }
            }
        }
    }
}

fn decode(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}")
}

/// The text with every span replaced; spans that overlap or touch become one.
fn replace(text: &str, mut spans: Vec<Span>) -> String {
    spans.retain(|span| !span.is_empty() && text.get(span.clone()) != Some(MASK));
    spans.sort_by_key(|span| span.start);
    let mut masked = String::with_capacity(text.len());
    let mut done = 0;
    for span in spans {
        if span.start > done || (span.start == 0 && done == 0) {
            masked.push_str(text.get(done..span.start).unwrap_or_default());
            masked.push_str(MASK);
        }
        done = done.max(span.end);
    }
    masked.push_str(text.get(done..).unwrap_or_default());
    masked
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits
            .filter(|digits| first == b'%' && digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
