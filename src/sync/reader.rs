//! From the log to parcels, a bounded number at a time.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::mark::Witness;
use super::parcel::{Parcel, Subject, weight};
use crate::error::{ErrorKind, Result};
use crate::hash::Hash;
use crate::model::Position;
use crate::store::{Change, Entry, Record, Scan, Scope, State, Store, Unit};
use crate::time::Timestamp;

/// Entries read at a time, at most.
const PAGE: usize = 256;
/// How many open versions are remembered: about 100 bytes each.
const REMEMBERED: usize = 50_000;

/// The end of the log as it is now. A read comes first: it brings in what other processes left for the store.
pub(super) async fn end_of_log<S: Store>(store: &S, scope: Scope) -> Result<Position> {
    store.get(scope, &[]).await?;
    store.wait(Position::START, Duration::ZERO).await
}

/// Reads a log in order.
pub(super) struct Reader<'a, S> {
    store: &'a S,
    scope: Scope,
    /// Up to here everything was read.
    after: Position,
    /// Not further than this, so that a busy log has an end.
    end: Position,
    /// The last place that is known to be no hole, or before which none is counted; none before the first entry of a log
    /// that is read from its start.
    solid: Option<Position>,
    /// Damaged records of the page that is read: they fill a place, too.
    damaged: u64,
    ended: bool,
    previous: HashMap<Hash, (Timestamp, Hash)>,
    page: usize,
}

impl<'a, S: Store> Reader<'a, S> {
    /// Reads after `after`, up to `end`; holes count after `known`, up to which all was read before.
    pub(super) fn new(store: &'a S, scope: Scope, (after, known, end): (Position, Position, Position)) -> Self {
        let solid = (known != Position::START).then_some(known);
        let (ended, previous) = (after >= end, HashMap::new());
        Self { store, scope, after, end, solid, damaged: 0, ended, previous, page: PAGE / 4 }
    }

    /// Reads on until the queue has `count` parcels or `bytes`, or the log ends.
    pub(super) async fn fill(&mut self, queue: &mut VecDeque<Parcel>, count: usize, bytes: usize) -> Result<()> {
        let mut held: usize = queue.iter().map(|parcel| parcel.weight).sum();
        while !self.ended && queue.len() < count && held < bytes {
            let page = self.store.scan(self.scope, &Scan::Log { after: self.after }, self.page).await?;
            let mut read = 0;
            self.damaged = u64::try_from(page.damaged.len()).unwrap_or(u64::MAX);
            for record in page.records {
                let Record::Entry(entry) = record else { continue };
                if entry.version.position > self.end {
                    self.ended = true;
                    break;
                }
                let parcel = self.parcel(*entry).await?;
                read += parcel.weight;
                queue.push_back(parcel);
            }
            if let (Some(Scan::Log { after }), false) = (&page.next, self.ended) {
                self.after = self.after.max(*after);
            }
            self.ended |= page.next.is_none();
            for damage in page.damaged {
                let problem = format!("{}: {}", damage.record, damage.reason);
                let (upto, missing) = (self.after, 0);
                let parcel = Parcel { unit: None, problem: Some(problem), subject: None, upto, missing, weight: 200 };
                queue.push_back(parcel);
            }
            held += read;
            // Large entries are read a few at a time.
            let each = read / self.page.max(1) + 1;
            self.page = (bytes / 4 / each).clamp(1, PAGE);
        }
        Ok(())
    }

    async fn parcel(&mut self, entry: Entry) -> Result<Parcel> {
        let Entry { hub, version } = entry;
        let weight = weight(&version.attributes);
        let (operation, upto) = (version.script_execution_hk, version.position);
        let missing = self.holes_before(upto).await?;
        (self.after, self.solid) = (upto, self.solid.max(Some(upto)));
        let (load_date, hash_diff, tenant) = (version.load_date, version.hash_diff, version.tenant);
        let witness = Witness { position: upto, operation, load_date, hash_diff };
        let subject = Some(Subject { witness, tenant });
        let Some(hub) = hub else {
            let problem = Some("its hub is missing: an orphan".to_owned());
            return Ok(Parcel { unit: None, problem, subject, upto, missing, weight });
        };
        let previous =
            if hub.load_date == load_date { None } else { self.version_before(operation, load_date).await? };
        if version.attributes.execution_status.is_finished() {
            self.previous.remove(&operation);
        } else {
            if self.previous.len() >= REMEMBERED {
                self.previous.clear();
            }
            self.previous.insert(operation, (load_date, hash_diff));
        }
        let next = State { load_date, hash_diff, attributes: version.attributes, record_source: version.record_source };
        let change = match previous {
            None => Change::Start { hub, first: next },
            Some(expect_open) => Change::Append { operation, tenant, expect_open, next },
        };
        let unit = Some(Unit { id: version.unit, change });
        Ok(Parcel { unit, problem: None, subject, upto, missing, weight })
    }

    /// The version that ended when the one of `load_date` began; none where that is the first.
    async fn version_before(&self, operation: Hash, load_date: Timestamp) -> Result<Option<(Timestamp, Hash)>> {
        if let Some(known) = self.previous.get(&operation) {
            return Ok(Some(*known));
        }
        let mut before = None;
        let mut next = Some(Scan::Versions { operation, after: None });
        while let Some(scan) = next {
            let page = self.store.scan(self.scope, &scan, PAGE).await?;
            for record in page.records {
                let Record::Version(version) = record else { continue };
                if version.load_date >= load_date {
                    return Ok(before);
                }
                before = Some((version.load_date, version.hash_diff));
            }
            next = page.next;
        }
        Ok(before)
    }

    /// How many places between the last entry and this one hold nobody's version.
    async fn holes_before(&mut self, position: Position) -> Result<u64> {
        let Some(solid) = self.solid else { return Ok(0) };
        let between = position.places_since(solid).map_or(0, |places| places.saturating_sub(1));
        if between == 0 || self.scope == Scope::All {
            let damaged = self.damaged.min(between);
            self.damaged -= damaged;
            return Ok(between - damaged);
        }
        // They may be others' rows: those are counted, not looked at.
        let mut others = 0;
        let mut next = Some(Scan::Log { after: solid });
        while let Some(scan) = next {
            let page = match self.store.scan(Scope::All, &scan, PAGE).await {
                Err(error) if error.kind() == ErrorKind::Permission => return Ok(0),
                page => page?,
            };
            others += u64::try_from(page.damaged.len()).unwrap_or(u64::MAX);
            for record in &page.records {
                let Record::Entry(entry) = record else { continue };
                if entry.version.position >= position {
                    return Ok(between.saturating_sub(others));
                }
                others += 1;
            }
            next = page.next;
        }
        Ok(between.saturating_sub(others))
    }
}
