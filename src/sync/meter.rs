//! How much waits, measured in pieces, so that each entry is read once and memory does not follow the backlog.

use std::collections::VecDeque;

use super::backlog::Acknowledged;
use super::parcel::weight;
use crate::error::Result;
use crate::model::Position;
use crate::store::{Record, Scan, Scope, Store};
use crate::time::Timestamp;

/// Entries read at a time.
const PAGE: usize = 256;
/// Entries in one piece, roughly.
const PIECE: u64 = 1024;

/// How much waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Measured {
    pub(super) versions: u64,
    pub(super) bytes: u64,
    /// Since when the oldest version is known.
    pub(super) oldest: Option<Timestamp>,
}

/// A piece of the log that waits.
#[derive(Debug, Clone, Copy)]
struct Piece {
    upto: Position,
    measured: Measured,
}

/// Measures what waits behind the slowest sync.
#[derive(Debug, Default)]
pub(super) struct Meter {
    acknowledged: Acknowledged,
    low: Position,
    upto: Position,
    pieces: VecDeque<Piece>,
}

impl Meter {
    pub(super) async fn measure<S: Store>(&mut self, store: &S) -> Result<Measured> {
        let acknowledged = Acknowledged::read(store, Scope::All).await?;
        let low = acknowledged.slowest();
        if low < self.low || self.acknowledged.is_empty() != acknowledged.is_empty() {
            *self = Self { low, upto: low, ..Self::default() };
        }
        self.acknowledged = acknowledged;
        self.forget(store, low).await?;
        self.read_on(store).await?;
        let mut total = Measured::default();
        for piece in &self.pieces {
            total.versions += piece.measured.versions;
            total.bytes += piece.measured.bytes;
            total.oldest = total.oldest.or(piece.measured.oldest);
        }
        Ok(total)
    }

    /// Leaves out what was acknowledged; the piece that it ends in is measured again.
    async fn forget<S: Store>(&mut self, store: &S, low: Position) -> Result<()> {
        if low == self.low {
            return Ok(());
        }
        self.low = low;
        self.upto = self.upto.max(low);
        while self.pieces.front().is_some_and(|piece| piece.upto <= low) {
            self.pieces.pop_front();
        }
        let Some(upto) = self.pieces.front().map(|piece| piece.upto) else { return Ok(()) };
        let mut measured = Measured::default();
        let mut next = Some(Scan::Log { after: low });
        'read: while let Some(scan) = next {
            let page = store.scan(Scope::All, &scan, PAGE).await?;
            for record in &page.records {
                if self.count(record, &mut measured).is_some_and(|position| position >= upto) {
                    break 'read;
                }
            }
            next = page.next;
        }
        if let Some(piece) = self.pieces.front_mut() {
            piece.measured = measured;
        }
        Ok(())
    }

    /// Measures what came since the last time.
    async fn read_on<S: Store>(&mut self, store: &S) -> Result<()> {
        let mut next = Some(Scan::Log { after: self.upto });
        while let Some(scan) = next {
            let page = store.scan(Scope::All, &scan, PAGE).await?;
            for record in &page.records {
                let open = self.pieces.pop_back().filter(|piece| {
                    piece.measured.versions < PIECE || {
                        self.pieces.push_back(*piece);
                        false
                    }
                });
                let mut piece = open.unwrap_or(Piece { upto: self.upto, measured: Measured::default() });
                if let Some(position) = self.count(record, &mut piece.measured) {
                    (piece.upto, self.upto) = (position, position);
                }
                self.pieces.push_back(piece);
            }
            next = page.next;
        }
        Ok(())
    }

    /// Adds an entry that waits; gives its position.
    fn count(&self, record: &Record, to: &mut Measured) -> Option<Position> {
        let Record::Entry(entry) = record else { return None };
        let version = &entry.version;
        // By the slowest sync: the measure of a piece must not change while another goes on.
        if self.acknowledged.is_empty() || self.acknowledged.upto(version.tenant).is_some() {
            to.versions += 1;
            to.bytes += u64::try_from(weight(&version.attributes)).unwrap_or(u64::MAX);
            to.oldest = to.oldest.or(Some(version.load_date));
        }
        Some(version.position)
    }
}
