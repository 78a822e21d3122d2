//! Writing a string as jsonb prints it.

/// How many bytes are looked at together: wide enough for the compiler to use vector instructions.
const CHUNK: usize = 32;

/// Writes `text` as a JSON string: quotes, `\b \f \n \r \t \" \\`, `\u00XX` for the other characters below 0x20,
/// everything else as it is.
pub(crate) fn write_string(text: &str, out: &mut String) {
    out.push('"');
    // A special byte is ASCII, so the runs between such bytes are whole characters.
    let mut run = 0;
    let mut base = 0;
    for chunk in text.as_bytes().chunks(CHUNK) {
        // No early exit within a chunk: that is what lets it vectorise.
        if chunk.iter().fold(false, |found, &byte| found | is_special(byte)) {
            for (at, &byte) in (base..).zip(chunk) {
                if is_special(byte) {
                    out.push_str(text.get(run..at).unwrap_or_default());
                    write_special(byte, out);
                    run = at + 1;
                }
            }
        }
        base += chunk.len();
    }
    out.push_str(text.get(run..).unwrap_or_default());
    out.push('"');
}

/// The length of what [`write_string`] writes.
pub(crate) fn string_length(text: &str) -> usize {
    let escapes: usize = text.bytes().filter(|&byte| is_special(byte)).map(|byte| special_length(byte) - 1).sum();
    text.len() + escapes + 2
}

fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn special_length(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | 0x08 | 0x0c | b'\n' | b'\r' | b'\t' => 2,
        _ => 6,
    }
}

fn write_special(byte: u8, out: &mut String) {
    match byte {
        b'"' => out.push_str("\\\""),
        b'\\' => out.push_str("\\\\"),
        0x08 => out.push_str("\\b"),
        0x0c => out.push_str("\\f"),
        b'\n' => out.push_str("\\n"),
        b'\r' => out.push_str("\\r"),
        b'\t' => out.push_str("\\t"),
        _ => {
            out.push_str("\\u00");
            out.push(hex_digit(byte >> 4));
            out.push(hex_digit(byte & 15));
        }
    }
}

fn hex_digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap_or('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut out = String::new();
        write_string(text, &mut out);
        assert_eq!(out.len(), string_length(text));
        out
    }

    #[test]
    fn only_what_jsonb_escapes_is_escaped() {
        assert_eq!(written("\u{8}\u{c}\n\r\t\"\\"), r#""\b\f\n\r\t\"\\""#);
        assert_eq!(written("\u{1}\u{1f}\u{b}"), r#""\u0001\u001f\u000b""#);
        assert_eq!(written("/\u{7f}\u{2028}é😀"), "\"/\u{7f}\u{2028}é😀\"");
        assert_eq!(written(""), "\"\"");
    }

    #[test]
    fn a_special_byte_is_found_at_every_place_of_a_chunk() {
        for length in 0..100 {
            for at in 0..length {
                let text = format!("{}\"{}", "é".repeat(at), "x".repeat(length - at));
                assert_eq!(written(&text), format!("\"{}\\\"{}\"", "é".repeat(at), "x".repeat(length - at)));
            }
        }
    }
}
