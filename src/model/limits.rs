//! How long things may be; the same limits as the SQL columns.

use crate::error::{Error, ErrorKind, Result};

/// A script name's longest form, in characters.
pub const MAX_NAME: usize = 255;
/// A script type's longest form, in characters.
pub const MAX_TYPE: usize = 50;
/// The longest user name and record source, in characters.
pub const MAX_USER: usize = 100;
/// The longest sql_command, error_message or affected object, in bytes (1 MiB).
pub const MAX_TEXT: usize = 1 << 20;
/// The most affected objects of one operation.
pub const MAX_OBJECTS: usize = 10_000;

pub(crate) fn check_chars(field: &str, text: &str, limit: usize) -> Result<()> {
    check_nul(field, text)?;
    let length = text.chars().count();
    if length > limit {
        let message = format!("{field} is {length} characters long; the limit is {limit}");
        return Err(Error::new(ErrorKind::TooLong, message));
    }
    Ok(())
}

pub(crate) fn check_text(field: &str, text: &str) -> Result<()> {
    check_nul(field, text)?;
    if text.len() > MAX_TEXT {
        let message = format!("{field} is {} bytes long; the limit is {MAX_TEXT}", text.len());
        return Err(Error::new(ErrorKind::TooLong, message));
    }
    Ok(())
}

pub(crate) fn check_days(field: &str, value: i64) -> Result<u32> {
    match i32::try_from(value).ok().and_then(|days| u32::try_from(days).ok()) {
        Some(days) if days > 0 => Ok(days),
        _ => {
            let message = format!("{field} must be from 1 to {}, not {value}", i32::MAX);
            Err(Error::new(ErrorKind::InvalidValue, message))
        }
    }
}

fn check_nul(field: &str, text: &str) -> Result<()> {
    if text.contains('\0') {
        let message = format!("{field} contains a NUL character (U+0000), which no text may hold");
        return Err(Error::new(ErrorKind::InvalidValue, message));
    }
    Ok(())
}
