//! Stored records: a format byte, a checksum, and bincode. The format byte picks the struct, so a record
//! written by an earlier release stays readable; bincode is positional, so a struct is never changed in place.

mod attributes;
mod intent;
mod rows;
mod version;

use opledger::store::Damage;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use attributes::AttributesRow;
pub(crate) use intent::{decode_intent, encode_intent};
pub(crate) use rows::{CountedRow, CounterRow, GroupRow, IndexRow, MetaRow};
pub(crate) use version::{FirstRow, NextRow};

use crate::keys;

/// The format of every record that this release writes.
const FORMAT: u8 = 2;
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
    if *format != FORMAT {
        return Err(format!("its format is {format}; this release knows {FORMAT}: use a later one"));
    }
    match bincode::serde::decode_from_slice(content, config()) {
        Ok((row, read)) if read == content.len() => Ok(row),
        Ok(_) => Err("bytes follow its end".to_owned()),
        Err(error) => Err(format!("it does not decode: {error}")),
    }
}

fn checksum(format: u8, content: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[format]);
    hasher.update(content);
    hasher.finalize()
}
