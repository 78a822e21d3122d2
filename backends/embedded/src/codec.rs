//! Stored records: a format byte, a checksum, and bincode. The format byte picks the struct, so a record
//! written by an earlier release stays readable; bincode is positional, so a struct is never changed in place.

mod attributes;
mod document;
mod intent;
mod rows;
mod version;
mod view;

use opledger::store::Damage;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use attributes::AttributesRow;
pub(crate) use document::DocumentRow;
pub(crate) use intent::{decode_intent, encode_intent};
pub(crate) use rows::{CountedRow, CounterRow, HubRow, IndexRow, MetaRow};
pub(crate) use version::{FirstRow, NextRow, Row, decode_row};
pub(crate) use view::{FirstView, NextView, RowView, decode_view};

use crate::keys;

/// The format of every record that this release writes.
pub(crate) const FORMAT: u8 = 2;
/// Format byte and checksum.
const HEADER: usize = 5;
/// No record is longer: texts have limits of their own.
const LIMIT: usize = 64 << 20;

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<LIMIT>()
}

/// Encodes a record.
pub(crate) fn encode<T: Serialize>(row: &T) -> Result<Vec<u8>, Damage> {
    let mut bytes = vec![0; HEADER];
    bincode::serde::encode_into_std_write(row, &mut bytes, config())
        .map_err(|error| Damage::new("record", format!("it can't be encoded: {error}")))?;
    let checksum = checksum(FORMAT, bytes.get(HEADER..).unwrap_or_default());
    if let Some(header) = bytes.first_chunk_mut::<HEADER>() {
        let [a, b, c, d] = checksum.to_le_bytes();
        *header = [FORMAT, a, b, c, d];
    }
    Ok(bytes)
}

/// Encodes a part of a record that has a header and a checksum of its own.
pub(crate) fn encode_part<T: Serialize>(part: &T) -> Result<Vec<u8>, Damage> {
    bincode::serde::encode_to_vec(part, config())
        .map_err(|error| Damage::new("record", format!("it can't be encoded: {error}")))
}

/// Decodes what [`encode_part`] encoded, or says what is wrong.
pub(crate) fn decode_part<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    match bincode::serde::decode_from_slice(bytes, config()) {
        Ok((part, read)) if read == bytes.len() => Ok(part),
        Ok(_) => Err("bytes follow its end".to_owned()),
        Err(error) => Err(format!("it does not decode: {error}")),
    }
}

/// Decodes the record at `key`.
pub(crate) fn decode<T: DeserializeOwned>(key: &[u8], bytes: &[u8]) -> Result<T, Damage> {
    open(bytes).map_err(|reason| Damage::new(keys::describe(key), reason))
}

fn open<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let Some(([format, checksum_bytes @ ..], content)) = bytes.split_first_chunk::<HEADER>() else {
        return Err(format!("it is {} bytes long, too short for a record", bytes.len()));
    };
    if checksum(*format, content).to_le_bytes() != *checksum_bytes {
        return Err("its checksum does not fit its content".to_owned());
    }
    check_format(*format)?;
    decode_part(content)
}

/// Whether this release knows a format.
pub(crate) fn check_format(format: u8) -> Result<(), String> {
    if format == FORMAT {
        return Ok(());
    }
    Err(format!("its format is {format}; this release knows {FORMAT}: use a later one"))
}

fn checksum(format: u8, content: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[format]);
    hasher.update(content);
    hasher.finalize()
}
