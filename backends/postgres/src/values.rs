//! How the ledger's values are written and read by the driver.

use std::error::Error as StdError;

use opledger::model::UnitId;
use opledger::{Error, ErrorKind, Hash, Position, Result, Timestamp};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

type AnyError = Box<dyn StdError + Sync + Send>;

/// Microseconds from 1970 to 2000, from which PostgreSQL counts.
const EPOCH: i64 = 946_684_800_000_000;
/// 4714-11-24 BC, the first moment that a `timestamptz` holds; in microseconds since 2000.
const FIRST: i64 = -211_813_488_000_000_000;

/// A `timestamptz`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment(i64);

impl Moment {
    /// A moment to be stored.
    ///
    /// # Errors
    /// Gives 22023 for one that PostgreSQL can't hold.
    pub(crate) fn stored(field: &str, at: Timestamp) -> Result<Self> {
        let held = at.as_micros().checked_sub(EPOCH).filter(|micros| *micros >= FIRST);
        held.map(Self).ok_or_else(|| {
            let message = format!("{field} is {at}; PostgreSQL holds nothing before 4714-11-24 BC");
            Error::new(ErrorKind::InvalidValue, message)
        })
    }

    /// A moment to be compared with: before all times there is minus infinity. The last moment of ours fits.
    pub(crate) fn bound(at: Timestamp) -> Self {
        let micros = at.as_micros().saturating_sub(EPOCH);
        Self(if micros < FIRST { i64::MIN } else { micros })
    }

    pub(crate) fn timestamp(self) -> Timestamp {
        Timestamp::from_micros(self.0.saturating_add(EPOCH))
    }
}

/// A value of fixed width, in network order.
macro_rules! fixed {
    ($name:ident, $type:ident, $value:ident => $bytes:expr, $raw:ident => $made:expr) => {
        impl ToSql for $name {
            fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, AnyError> {
                let $value = self;
                out.extend_from_slice($bytes);
                Ok(IsNull::No)
            }

            fn accepts(given: &Type) -> bool {
                *given == Type::$type
            }

            to_sql_checked!();
        }

        impl<'a> FromSql<'a> for $name {
            fn from_sql(_: &Type, $raw: &'a [u8]) -> Result<Self, AnyError> {
                Ok($made)
            }

            fn accepts(given: &Type) -> bool {
                *given == Type::$type
            }
        }
    };
}

/// A hash, as `bytea`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key(pub(crate) Hash);

/// The name of a unit, as `uuid`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Uuid(pub(crate) UnitId);

/// A transaction's id, as `xid8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Xid(pub(crate) u64);

fixed!(Moment, TIMESTAMPTZ, at => &at.0.to_be_bytes(), raw => Self(i64::from_be_bytes(raw.try_into()?)));
fixed!(Key, BYTEA, key => key.0.as_bytes(), raw => Self(Hash::from_bytes(raw.try_into()?)));
fixed!(Uuid, UUID, id => &id.0.0, raw => Self(UnitId(raw.try_into()?)));
fixed!(Xid, XID8, xid => &xid.0.to_be_bytes(), raw => Self(u64::from_be_bytes(raw.try_into()?)));

/// The parts of a position as the server orders them. What is past its numbers is past its log.
pub(crate) fn place(position: Position) -> (i64, Xid, i64) {
    let (epoch, xid, number) = position.parts();
    let capped = |value| i64::try_from(value).unwrap_or(i64::MAX);
    (capped(epoch), Xid(xid), capped(number))
}

/// A position from its parts.
pub(crate) fn position(epoch: i64, xid: Xid, number: i64) -> Position {
    let whole = |value| u64::try_from(value).unwrap_or_default();
    Position::new(whole(epoch), xid.0, whole(number))
}

/// A text array as one text, in PostgreSQL's form: arrays of different lengths fit no array of two dimensions.
pub(crate) fn array_text(values: &[Option<String>]) -> String {
    let mut text = String::from("{");
    for (place, value) in values.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        let Some(value) = value else {
            text.push_str("NULL");
            continue;
        };
        text.push('"');
        for c in value.chars() {
            if matches!(c, '"' | '\\') {
                text.push('\\');
            }
            text.push(c);
        }
        text.push('"');
    }
    text.push('}');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_do_not_fit_are_named_or_bounded() {
        let error = Moment::stored("load_date", Timestamp::MIN).unwrap_err();
        assert!(error.to_string().starts_with("load_date is "), "{error}");
        assert_eq!(Moment::bound(Timestamp::MIN).0, i64::MIN);
        let first = Timestamp::from_micros(FIRST + EPOCH);
        for held in [first, Timestamp::MAX] {
            assert_eq!(Moment::stored("at", held).unwrap().timestamp(), held);
            assert_eq!(Moment::bound(held).timestamp(), held);
        }
        assert!(Moment::stored("at", Timestamp::from_micros(first.as_micros() - 1)).is_err());
    }

    #[test]
    fn arrays_are_quoted() {
        let values = ["a,b", "say \"x\\y\"", "", "NULL"].map(|text| Some(text.to_owned()));
        let text = array_text(&[&values[..], &[None]].concat());
        assert_eq!(text, r#"{"a,b","say \"x\\y\"","","NULL",NULL}"#);
        assert_eq!(array_text(&[]), "{}");
    }
}
