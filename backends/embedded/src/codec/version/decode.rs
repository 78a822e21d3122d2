//! Rows as bytes become rows by hand, field by field in order: to serde a hash is 32 elements, each asked for by itself, and
//! a verify decodes millions. What is written is written by serde, and the bytes are the same.

use bincode::de::{Decode, Decoder};
use bincode::error::{AllowedEnumVariants, DecodeError};
use opledger::model::UnitId;
use opledger::{Hash, Timestamp};

use super::{FirstRow, KeyRow, MetadataRow, NextRow, Row};
use crate::codec::config;

/// Decodes a row, or says what is wrong.
pub(crate) fn decode_row(bytes: &[u8]) -> Result<Row, String> {
    match bincode::decode_from_slice(bytes, config()) {
        Ok((row, read)) if read == bytes.len() => Ok(row),
        Ok(_) => Err("bytes follow its end".to_owned()),
        Err(error) => Err(format!("it does not decode: {error}")),
    }
}

/// The error of a variant that there is none of.
pub(in crate::codec) fn unknown(type_name: &'static str, found: u32) -> DecodeError {
    DecodeError::UnexpectedVariant { type_name, allowed: &AllowedEnumVariants::Allowed(&[]), found }
}

pub(in crate::codec) fn time<D: Decoder>(decoder: &mut D) -> Result<Timestamp, DecodeError> {
    i64::decode(decoder).map(Timestamp::from_micros)
}

impl<C> Decode<C> for Row {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        match u32::decode(decoder)? {
            0 => FirstRow::decode(decoder).map(|row| Self::First(Box::new(row))),
            1 => NextRow::decode(decoder).map(|row| Self::Next(Box::new(row))),
            other => Err(unknown("Row", other)),
        }
    }
}

impl<C> Decode<C> for FirstRow {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        Ok(Self {
            hk: Option::<[u8; 32]>::decode(decoder)?.map(Hash::from_bytes),
            key: KeyRow::decode(decoder)?,
            tenant: u32::decode(decoder)?,
            hub_load_date: Option::<i64>::decode(decoder)?.map(Timestamp::from_micros),
            hub_source: Option::decode(decoder)?,
            unit: UnitId(<[u8; 16]>::decode(decoder)?),
            load_date: i64::decode(decoder)?,
            hash_diff: Hash::from_bytes(<[u8; 32]>::decode(decoder)?),
            record_source: String::decode(decoder)?,
            script_name: String::decode(decoder)?,
            script_type: u32::decode(decoder)?,
            status: u8::decode(decoder)?,
            execution_timestamp: time(decoder)?,
            duration_ms: Option::decode(decoder)?,
            user: Option::decode(decoder)?,
            client_ip: Option::decode(decoder)?,
            objects: Option::decode(decoder)?,
            sql_command: Option::decode(decoder)?,
            error_message: Option::decode(decoder)?,
            metadata: Option::decode(decoder)?,
        })
    }
}

impl<C> Decode<C> for KeyRow {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        match u32::decode(decoder)? {
            0 => String::decode(decoder).map(Self::Made),
            1 => String::decode(decoder).map(Self::Other),
            other => Err(unknown("KeyRow", other)),
        }
    }
}

impl<C> Decode<C> for NextRow {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        Ok(Self {
            first: u64::decode(decoder)?,
            previous: u64::decode(decoder)?,
            unit: UnitId(<[u8; 16]>::decode(decoder)?),
            load_date: i64::decode(decoder)?,
            hash_diff: Hash::from_bytes(<[u8; 32]>::decode(decoder)?),
            record_source: Option::decode(decoder)?,
            status: u8::decode(decoder)?,
            duration_ms: Option::decode(decoder)?,
            user: Option::decode(decoder)?,
            client_ip: Option::decode(decoder)?,
            objects: Option::decode(decoder)?,
            sql_command: Option::decode(decoder)?,
            error_message: Option::decode(decoder)?,
            metadata: MetadataRow::decode(decoder)?,
        })
    }
}

impl<C> Decode<C> for MetadataRow {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        match u32::decode(decoder)? {
            0 => Ok(Self::Same),
            1 => String::decode(decoder).map(Self::Added),
            2 => Option::decode(decoder).map(Self::Other),
            other => Err(unknown("MetadataRow", other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{decode_part, encode_part};

    fn rows() -> Vec<Row> {
        let (hash, unit) = (Hash::of("content"), UnitId([3; 16]));
        let some = |text: &str| Some(text.to_owned());
        let first = FirstRow {
            hk: None,
            key: KeyRow::Made("abc123".to_owned()),
            tenant: 300,
            hub_load_date: None,
            hub_source: None,
            unit,
            load_date: -5,
            hash_diff: hash,
            record_source: "tests".to_owned(),
            script_name: "Nightly".to_owned(),
            script_type: 70_000,
            status: 2,
            execution_timestamp: Timestamp::from_micros(1_700_000_000_123_456),
            duration_ms: Some(-1),
            user: some("etl"),
            client_ip: Some("10.0.0.1".parse().unwrap()),
            objects: Some(vec![some("sales.orders"), None]),
            sql_command: some("VACUUM"),
            error_message: None,
            metadata: some("{}"),
        };
        let other = FirstRow {
            hk: Some(hash),
            key: KeyRow::Other("é".to_owned()),
            hub_load_date: Some(Timestamp::MIN),
            hub_source: some(""),
            client_ip: Some("fe80::1".parse().unwrap()),
            objects: None,
            ..first.clone()
        };
        let next = |metadata| NextRow {
            first: 1,
            previous: u64::MAX,
            unit,
            load_date: i64::MIN,
            hash_diff: hash,
            record_source: some("elsewhere"),
            status: 1,
            duration_ms: None,
            user: Some(None),
            client_ip: Some(Some("::1".parse().unwrap())),
            objects: Some(Some(vec![None])),
            sql_command: None,
            error_message: Some(some("deadlock")),
            metadata,
        };
        let metadata = [MetadataRow::Same, MetadataRow::Added("{\"a\": 1}".to_owned()), MetadataRow::Other(None)];
        let firsts = [first, other].map(|row| Row::First(Box::new(row)));
        firsts.into_iter().chain(metadata.map(|metadata| Row::Next(Box::new(next(metadata))))).collect()
    }

    #[test]
    fn by_hand_or_by_serde_a_row_is_the_same() {
        for row in rows() {
            let bytes = encode_part(&row).unwrap();
            let by_hand = decode_row(&bytes).unwrap();
            assert_eq!(format!("{by_hand:?}"), format!("{row:?}"));
            assert_eq!(format!("{:?}", decode_part::<Row>(&bytes).unwrap()), format!("{row:?}"));
            assert!((0..bytes.len()).all(|length| decode_row(&bytes[..length]).is_err()));
            assert_eq!(decode_row(&[bytes.as_slice(), &[0]].concat()).unwrap_err(), "bytes follow its end");
        }
        for (at, byte) in [(0, 2), (2, 2)] {
            let mut bytes = encode_part(&rows()[0]).unwrap();
            bytes[at] = byte;
            assert!(decode_row(&bytes).unwrap_err().starts_with("it does not decode"), "byte {at}");
        }
    }
}
