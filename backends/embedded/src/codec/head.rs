//! The beginning of a version's row, without what it says at length: for those who read the whole log. bincode is
//! positional, so these are the first fields of [`FirstRow`](super::FirstRow) and [`NextRow`](super::NextRow), in order.

use bincode::de::{BorrowDecode, BorrowDecoder, Decode};
use bincode::error::DecodeError;
use opledger::hash::hash_key;
use opledger::{Hash, Status, Timestamp};

use super::attributes::status;
use super::config;
use super::version::{time, unknown};

/// As [`Row`](super::Row).
#[derive(Debug)]
pub(crate) enum RowHead<'a> {
    First(FirstHead<'a>),
    Next(NextHead),
}

#[derive(Debug)]
pub(crate) struct FirstHead<'a> {
    hk: Option<Hash>,
    key: KeyHead<'a>,
    pub(crate) tenant: u32,
    script_name: &'a str,
    pub(crate) script_type: u32,
    status: u8,
    pub(crate) execution_timestamp: Timestamp,
    pub(crate) duration_ms: Option<i32>,
}

#[derive(Debug)]
enum KeyHead<'a> {
    Made(&'a str),
    Other(&'a str),
}

#[derive(Debug)]
pub(crate) struct NextHead {
    first: u64,
    previous: u64,
    status: u8,
    pub(crate) duration_ms: Option<i32>,
}

/// Decodes the head of a row, or says what is wrong.
pub(crate) fn decode_head(bytes: &[u8]) -> Result<RowHead<'_>, String> {
    bincode::borrow_decode_from_slice(bytes, config())
        .map(|(head, _)| head)
        .map_err(|error| format!("it does not decode: {error}"))
}

impl<'a, C> BorrowDecode<'a, C> for RowHead<'a> {
    fn borrow_decode<D: BorrowDecoder<'a, Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        match u32::decode(decoder)? {
            0 => FirstHead::borrow_decode(decoder).map(Self::First),
            1 => NextHead::borrow_decode(decoder).map(Self::Next),
            other => Err(unknown("Row", other)),
        }
    }
}

impl<'a, C> BorrowDecode<'a, C> for FirstHead<'a> {
    fn borrow_decode<D: BorrowDecoder<'a, Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let hk = Option::<[u8; 32]>::decode(decoder)?.map(Hash::from_bytes);
        let key = match u32::decode(decoder)? {
            0 => KeyHead::Made(<&str>::borrow_decode(decoder)?),
            1 => KeyHead::Other(<&str>::borrow_decode(decoder)?),
            other => return Err(unknown("KeyRow", other)),
        };
        let tenant = u32::decode(decoder)?;
        let _hub_load_date = Option::<i64>::decode(decoder)?;
        let _hub_source = Option::<&str>::borrow_decode(decoder)?;
        let _unit_to_hash_diff = middle(decoder)?;
        let _record_source = <&str>::borrow_decode(decoder)?;
        Ok(Self {
            hk,
            key,
            tenant,
            script_name: <&str>::borrow_decode(decoder)?,
            script_type: u32::decode(decoder)?,
            status: u8::decode(decoder)?,
            execution_timestamp: time(decoder)?,
            duration_ms: Option::decode(decoder)?,
        })
    }
}

impl<'a, C> BorrowDecode<'a, C> for NextHead {
    fn borrow_decode<D: BorrowDecoder<'a, Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let (first, previous) = (u64::decode(decoder)?, u64::decode(decoder)?);
        let _unit_to_hash_diff = middle(decoder)?;
        let _record_source = Option::<&str>::borrow_decode(decoder)?;
        Ok(Self { first, previous, status: u8::decode(decoder)?, duration_ms: Option::decode(decoder)? })
    }
}

/// What both have in the middle: unit, load date, hash_diff.
fn middle<'a, D: BorrowDecoder<'a>>(decoder: &mut D) -> Result<([u8; 16], i64, [u8; 32]), DecodeError> {
    Ok((Decode::decode(decoder)?, i64::decode(decoder)?, Decode::decode(decoder)?))
}

impl FirstHead<'_> {
    pub(crate) fn status(&self) -> Status {
        status(self.status)
    }

    pub(crate) fn hash_key(&self) -> Hash {
        self.hk.unwrap_or_else(|| match self.key {
            KeyHead::Made(rest) => {
                hash_key(&opledger::model::business_key_of(self.script_name, self.execution_timestamp, rest))
            }
            KeyHead::Other(key) => hash_key(key),
        })
    }
}

impl NextHead {
    pub(crate) fn status(&self) -> Status {
        status(self.status)
    }

    /// As [`NextRow::first`](super::NextRow::first).
    pub(crate) fn first(&self, place: u64) -> u64 {
        place.saturating_sub(self.first)
    }

    /// As [`NextRow::previous`](super::NextRow::previous).
    pub(crate) fn previous(&self, place: u64) -> u64 {
        place.saturating_sub(self.previous.max(1))
    }
}

#[cfg(test)]
mod tests {
    use opledger::model::{Attributes, Hub, UnitId};
    use opledger::store::State;
    use opledger::{Position, Version};

    use super::*;
    use crate::codec::{FirstRow, NextRow, Row, encode_part};

    fn state(status: Status, duration_ms: Option<i32>) -> State {
        let attributes = Attributes {
            script_name: "Nightly".to_owned(),
            script_type: "BACKUP".to_owned(),
            execution_status: status,
            execution_timestamp: Timestamp::from_micros(1_700_000_000_123_456),
            execution_duration_ms: duration_ms,
            db_session_user: Some("etl".to_owned()),
            client_ip: None,
            affected_objects: None,
            sql_command: Some("VACUUM".to_owned()),
            error_message: None,
            metadata: None,
        };
        let load_date = Timestamp::from_micros(1_700_000_000_123_456 + i64::from(duration_ms.unwrap_or(0)));
        State { load_date, hash_diff: attributes.hash_diff(), attributes, record_source: "tests".to_owned() }
    }

    #[test]
    fn a_head_is_the_beginning_of_its_row() {
        let first = state(Status::Running, None);
        let made = opledger::model::business_key_of("Nightly", first.attributes.execution_timestamp, "abc123");
        for bk in [made, "of another's making".to_owned()] {
            let hk = hash_key(&bk);
            let hub = Hub {
                script_execution_hk: hk,
                script_execution_bk: bk,
                tenant: None,
                load_date: first.load_date,
                record_source: "elsewhere".to_owned(),
            };
            let unit = UnitId([7; 16]);
            let row = FirstRow::new(&hub, &first, unit, 3, 9);
            let bytes = encode_part(&Row::First(Box::new(row.clone()))).unwrap();
            let RowHead::First(head) = decode_head(&bytes).unwrap() else { panic!("no first version") };
            assert_eq!((head.hash_key(), row.hash_key()), (hk, hk));
            assert_eq!((head.tenant, head.script_type, head.status()), (3, 9, Status::Running));
            assert_eq!((head.execution_timestamp, head.duration_ms), (first.attributes.execution_timestamp, None));

            let (_, version): (Hub, Version) = row.into_model(None, "BACKUP".to_owned(), Position::START);
            let next = NextRow::new(&version, (40, 41), 44, unit, &state(Status::Failed, Some(12)));
            let bytes = encode_part(&Row::Next(Box::new(next.clone()))).unwrap();
            let RowHead::Next(head) = decode_head(&bytes).unwrap() else { panic!("no later version") };
            assert_eq!((head.first(44), head.previous(44)), (next.first(44), next.previous(44)));
            assert_eq!((head.first(44), head.previous(44)), (40, 41));
            assert_eq!((head.status(), head.duration_ms), (Status::Failed, Some(12)));
        }
    }
}
