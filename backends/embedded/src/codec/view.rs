//! A version's row as it stands in its bytes: nothing is copied out of them. For those who read the whole log. bincode is
//! positional, so these are the fields of [`FirstRow`](super::FirstRow) and [`NextRow`](super::NextRow), in order.

use std::net::IpAddr;

use bincode::de::{BorrowDecode, BorrowDecoder, Decode};
use bincode::error::DecodeError;
use opledger::hash::Canonical;
use opledger::{Hash, Status, Timestamp};

use super::attributes::status;
use super::config;
use super::version::{after, time, unknown};

/// As [`Row`](super::Row).
#[derive(Debug)]
pub(crate) enum RowView<'a> {
    First(FirstView<'a>),
    Next(NextView<'a>),
}

#[derive(Debug)]
pub(crate) struct FirstView<'a> {
    /// The hash key, where that is not the hash of the business key.
    pub(crate) hk: Option<Hash>,
    key: KeyView<'a>,
    pub(crate) tenant: u32,
    load_date: i64,
    pub(crate) hash_diff: Hash,
    script_name: &'a str,
    pub(crate) script_type: u32,
    status: u8,
    pub(crate) execution_timestamp: Timestamp,
    pub(crate) duration_ms: Option<i32>,
    user: Option<&'a str>,
    client_ip: Option<IpAddr>,
    objects: Option<Vec<Option<&'a str>>>,
    sql_command: Option<&'a str>,
    error_message: Option<&'a str>,
    metadata: Option<&'a str>,
}

#[derive(Debug)]
enum KeyView<'a> {
    Made(&'a str),
    Other(&'a str),
}

#[derive(Debug)]
pub(crate) struct NextView<'a> {
    first: u64,
    previous: u64,
    load_date: i64,
    pub(crate) hash_diff: Hash,
    status: u8,
    pub(crate) duration_ms: Option<i32>,
    user: Option<Option<&'a str>>,
    client_ip: Option<Option<IpAddr>>,
    objects: Option<Option<Vec<Option<&'a str>>>>,
    sql_command: Option<Option<&'a str>>,
    error_message: Option<Option<&'a str>>,
    metadata: MetadataView<'a>,
}

#[derive(Debug)]
enum MetadataView<'a> {
    Same,
    Added(&'a str),
    Other(Option<&'a str>),
}

/// Decodes a row, or says what is wrong.
pub(crate) fn decode_view(bytes: &[u8]) -> Result<RowView<'_>, String> {
    match bincode::borrow_decode_from_slice(bytes, config()) {
        Ok((view, read)) if read == bytes.len() => Ok(view),
        Ok(_) => Err("bytes follow its end".to_owned()),
        Err(error) => Err(format!("it does not decode: {error}")),
    }
}

impl<'a, C> BorrowDecode<'a, C> for RowView<'a> {
    fn borrow_decode<D: BorrowDecoder<'a, Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        match u32::decode(decoder)? {
            0 => FirstView::borrow_decode(decoder).map(Self::First),
            1 => NextView::borrow_decode(decoder).map(Self::Next),
            other => Err(unknown("Row", other)),
        }
    }
}

impl<'a, C> BorrowDecode<'a, C> for FirstView<'a> {
    fn borrow_decode<D: BorrowDecoder<'a, Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let hk = Option::<[u8; 32]>::decode(decoder)?.map(Hash::from_bytes);
        let key = match u32::decode(decoder)? {
            0 => KeyView::Made(<&str>::borrow_decode(decoder)?),
            1 => KeyView::Other(<&str>::borrow_decode(decoder)?),
            other => return Err(unknown("KeyRow", other)),
        };
        let tenant = u32::decode(decoder)?;
        let _hub_load_date = Option::<i64>::decode(decoder)?;
        let _hub_source = Option::<&str>::borrow_decode(decoder)?;
        let (load_date, hash_diff) = middle(decoder)?;
        let _record_source = <&str>::borrow_decode(decoder)?;
        Ok(Self {
            hk,
            key,
            tenant,
            load_date,
            hash_diff,
            script_name: <&str>::borrow_decode(decoder)?,
            script_type: u32::decode(decoder)?,
            status: u8::decode(decoder)?,
            execution_timestamp: time(decoder)?,
            duration_ms: Option::decode(decoder)?,
            user: Option::borrow_decode(decoder)?,
            client_ip: Option::decode(decoder)?,
            objects: Option::borrow_decode(decoder)?,
            sql_command: Option::borrow_decode(decoder)?,
            error_message: Option::borrow_decode(decoder)?,
            metadata: Option::borrow_decode(decoder)?,
        })
    }
}

impl<'a, C> BorrowDecode<'a, C> for NextView<'a> {
    fn borrow_decode<D: BorrowDecoder<'a, Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let (first, previous) = (u64::decode(decoder)?, u64::decode(decoder)?);
        let (load_date, hash_diff) = middle(decoder)?;
        let _record_source = Option::<&str>::borrow_decode(decoder)?;
        Ok(Self {
            first,
            previous,
            load_date,
            hash_diff,
            status: u8::decode(decoder)?,
            duration_ms: Option::decode(decoder)?,
            user: Option::borrow_decode(decoder)?,
            client_ip: Option::decode(decoder)?,
            objects: Option::borrow_decode(decoder)?,
            sql_command: Option::borrow_decode(decoder)?,
            error_message: Option::borrow_decode(decoder)?,
            metadata: MetadataView::borrow_decode(decoder)?,
        })
    }
}

impl<'a, C> BorrowDecode<'a, C> for MetadataView<'a> {
    fn borrow_decode<D: BorrowDecoder<'a, Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        match u32::decode(decoder)? {
            0 => Ok(Self::Same),
            1 => <&str>::borrow_decode(decoder).map(Self::Added),
            2 => Option::borrow_decode(decoder).map(Self::Other),
            other => Err(unknown("MetadataRow", other)),
        }
    }
}

/// What both have in the middle: the unit, which nobody asks for here, load date, hash_diff.
fn middle<'a, D: BorrowDecoder<'a>>(decoder: &mut D) -> Result<(i64, Hash), DecodeError> {
    let _unit = <[u8; 16]>::decode(decoder)?;
    Ok((i64::decode(decoder)?, Hash::from_bytes(Decode::decode(decoder)?)))
}

impl FirstView<'_> {
    pub(crate) fn status(&self) -> Status {
        status(self.status)
    }

    pub(crate) fn load_date(&self) -> Timestamp {
        after(self.execution_timestamp, self.load_date)
    }

    pub(crate) fn business_key(&self) -> String {
        match self.key {
            KeyView::Made(rest) => opledger::model::business_key_of(self.script_name, self.execution_timestamp, rest),
            KeyView::Other(key) => key.to_owned(),
        }
    }

    /// Writes what its hash_diff is the hash of.
    pub(crate) fn write(&self, script_type: &str, out: &mut Canonical) {
        out.begin();
        out.text(Some(self.script_name));
        out.text(Some(script_type));
        out.text(Some(self.status().as_str()));
        out.number(Some(self.execution_timestamp.as_micros()));
        out.number(self.duration_ms.map(i64::from));
        out.text(self.user);
        out.address(self.client_ip);
        out.texts(self.objects.as_ref().map(|objects| objects.iter().copied()));
        out.text(self.sql_command);
        out.text(self.error_message);
        out.metadata(self.metadata);
    }
}

impl NextView<'_> {
    pub(crate) fn status(&self) -> Status {
        status(self.status)
    }

    /// The load date, of an operation that began at `started`.
    pub(crate) fn load_date(&self, started: Timestamp) -> Timestamp {
        after(started, self.load_date)
    }

    /// As [`NextRow::first`](super::NextRow::first).
    pub(crate) fn first(&self, place: u64) -> u64 {
        place.saturating_sub(self.first)
    }

    /// As [`NextRow::previous`](super::NextRow::previous).
    pub(crate) fn previous(&self, place: u64) -> u64 {
        place.saturating_sub(self.previous.max(1))
    }

    /// Writes what its hash_diff is the hash of, beside what that of the operation's first version is. An error says why
    /// its parts do not fit.
    pub(crate) fn write(&self, first: &Canonical, out: &mut Canonical) -> Result<(), String> {
        out.begin();
        out.same(first);
        out.same(first);
        out.text(Some(self.status().as_str()));
        out.same(first);
        out.number(self.duration_ms.map(i64::from));
        match self.user {
            Some(user) => out.text(user),
            None => out.same(first),
        }
        match self.client_ip {
            Some(ip) => out.address(ip),
            None => out.same(first),
        }
        match &self.objects {
            Some(objects) => out.texts(objects.as_ref().map(|objects| objects.iter().copied())),
            None => out.same(first),
        }
        for text in [self.sql_command, self.error_message] {
            match text {
                Some(text) => out.text(text),
                None => out.same(first),
            }
        }
        match self.metadata {
            MetadataView::Same => out.same(first),
            MetadataView::Other(metadata) => out.metadata(metadata),
            MetadataView::Added(added) => out.merged(first, added).map_err(|error| error.to_string())?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use opledger::Position;
    use opledger::hash::{Metadata, hash_key};
    use opledger::model::{Attributes, Hub, UnitId};
    use opledger::store::State;

    use super::*;
    use crate::codec::{FirstRow, NextRow, Row, encode_part};

    const STARTED: Timestamp = Timestamp::from_micros(1_700_000_000_123_456);
    const UNIT: UnitId = UnitId([7; 16]);

    fn state(status: Status, duration_ms: Option<i32>, change: impl Fn(&mut Attributes)) -> State {
        let mut attributes = Attributes {
            script_name: "Nightly \"load\"".to_owned(),
            script_type: "BACKUP".to_owned(),
            execution_status: status,
            execution_timestamp: STARTED,
            execution_duration_ms: duration_ms,
            db_session_user: Some("etl".to_owned()),
            client_ip: Some("10.0.0.1".parse().unwrap()),
            affected_objects: Some(vec![Some("sales.orders".to_owned()), None]),
            sql_command: Some("VACUUM".to_owned()),
            error_message: None,
            metadata: Some(Metadata::parse(r#"{"db": "crm", "attempt": 1}"#).unwrap()),
        };
        change(&mut attributes);
        let load_date = Timestamp::from_micros(STARTED.as_micros() + i64::from(duration_ms.unwrap_or(0)));
        State { load_date, hash_diff: attributes.hash_diff(), attributes, record_source: "tests".to_owned() }
    }

    /// States of one operation, each differing from the others in its own way.
    fn states(status: Status, duration_ms: Option<i32>) -> Vec<State> {
        let metadata = |text: &str| Some(Metadata::parse(text).unwrap());
        let some = |text: &str| Some(text.to_owned());
        vec![
            state(status, duration_ms, |_| {}),
            state(status, duration_ms, |said| said.metadata = metadata(r#"{"db": "crm", "rows": 7, "attempt": 2}"#)),
            state(status, duration_ms, |said| said.metadata = metadata(r#"{"a\n": 1, "db": "crm", "attempt": 1}"#)),
            state(status, duration_ms, |said| said.metadata = metadata("{}")),
            state(status, duration_ms, |said| said.metadata = None),
            state(status, duration_ms, |said| {
                (said.db_session_user, said.client_ip, said.affected_objects) = (None, None, None);
                (said.sql_command, said.error_message) = (None, some("deadlock\ndetected"));
            }),
            state(status, duration_ms, |said| {
                (said.db_session_user, said.client_ip) = (some("é"), Some("::1".parse().unwrap()));
                said.affected_objects = Some(vec![]);
                said.sql_command = some("");
            }),
        ]
    }

    #[test]
    fn a_view_says_what_its_row_says() {
        let made = opledger::model::business_key_of("Nightly \"load\"", STARTED, "abc123");
        for (first, bk) in states(Status::Running, None).iter().zip([made, "another's".to_owned()].into_iter().cycle())
        {
            let hub = Hub {
                script_execution_hk: hash_key(&bk),
                script_execution_bk: bk,
                tenant: None,
                load_date: first.load_date,
                record_source: "elsewhere".to_owned(),
            };
            let row = FirstRow::new(&hub, first, UNIT, 3, 9);
            let bytes = encode_part(&Row::First(Box::new(row.clone()))).unwrap();
            let RowView::First(view) = decode_view(&bytes).unwrap() else { panic!("no first version") };
            assert_eq!((view.hk, view.business_key()), (None, hub.script_execution_bk.clone()));
            assert_eq!((view.tenant, view.script_type, view.status()), (3, 9, Status::Running));
            assert_eq!((view.execution_timestamp, view.duration_ms), (STARTED, None));
            assert_eq!((view.load_date(), view.hash_diff), (first.load_date, first.hash_diff));
            let (mut ours, mut text) = (Canonical::default(), Canonical::default());
            view.write("BACKUP", &mut ours);
            assert_eq!(ours.as_str(), first.attributes.canonical());
            assert!((0..bytes.len()).all(|length| decode_view(&bytes[..length]).is_err()));
            assert_eq!(decode_view(&[bytes.as_slice(), &[0]].concat()).unwrap_err(), "bytes follow its end");

            let (_, version) = row.into_model(None, "BACKUP".to_owned(), Position::START);
            for next in states(Status::Failed, Some(12)) {
                let row = NextRow::new(&version, (40, 41), 44, UNIT, &next);
                let bytes = encode_part(&Row::Next(Box::new(row.clone()))).unwrap();
                let RowView::Next(view) = decode_view(&bytes).unwrap() else { panic!("no later version") };
                assert_eq!((view.first(44), view.previous(44)), (40, 41));
                assert_eq!((view.status(), view.duration_ms), (Status::Failed, Some(12)));
                assert_eq!((view.load_date(STARTED), view.hash_diff), (next.load_date, next.hash_diff));
                view.write(&ours, &mut text).unwrap();
                assert_eq!(text.as_str(), next.attributes.canonical());
                assert_eq!(text.hash(), next.hash_diff);
                assert!((0..bytes.len()).all(|length| decode_view(&bytes[..length]).is_err()));
            }
        }
    }

    #[test]
    fn what_adds_to_metadata_that_its_first_version_lacks_is_told() {
        let (first, next) = (&states(Status::Running, None)[0], &states(Status::Failed, None)[1]);
        let version = opledger::Version {
            script_execution_hk: Hash::of(""),
            load_date: first.load_date,
            load_end_date: None,
            hash_diff: first.hash_diff,
            attributes: first.attributes.clone(),
            record_source: String::new(),
            tenant: None,
            position: Position::START,
            unit: UNIT,
        };
        let bytes = encode_part(&Row::Next(Box::new(NextRow::new(&version, (1, 1), 2, UNIT, next)))).unwrap();
        let RowView::Next(view) = decode_view(&bytes).unwrap() else { panic!("no later version") };
        let (mut without, mut text) = (Canonical::default(), Canonical::default());
        states(Status::Running, None)[4].attributes.write_canonical(&mut without);
        assert_eq!(view.write(&without, &mut text).unwrap_err(), "metadata must be a JSON object");
    }
}
