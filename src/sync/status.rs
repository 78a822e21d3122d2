//! How a sync stands.

use super::backlog::Acknowledged;
use super::conflict::Conflict;
use super::documents;
use super::gap::Gap;
use super::mark::{Mark, Side};
use crate::error::Result;
use crate::model::{Kind, Position};
use crate::store::{Damage, Record, Scan, Scope, Store};
use crate::time::Timestamp;
use crate::tracker::Tracker;

/// Entries read at a time.
const PAGE: usize = 500;
/// Up to so many waiting versions are counted.
const COUNTED: u64 = 10_000;
/// So many conflicts and gaps are shown.
const SHOWN: usize = 1000;

/// One end of one sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// How far it got.
    pub mark: Mark,
    /// When that was written, by the clock of who wrote it.
    pub written_at: Timestamp,
}

/// What waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// How many versions.
    pub versions: u64,
    /// There are more than were counted.
    pub more: bool,
    /// Since when the oldest of them is known.
    pub oldest: Option<Timestamp>,
}

/// How the syncs of a store stand, within a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Both those that send and those that were taken over.
    pub peers: Vec<Peer>,
    /// What waits to be sent; none where this store sends to nobody.
    pub waiting: Option<Waiting>,
    /// How many versions are in conflict.
    pub conflicts: u64,
    /// The first thousand of them.
    pub shown_conflicts: Vec<Conflict>,
    /// How many GAPs there are.
    pub gaps: u64,
    /// The first thousand of them.
    pub shown_gaps: Vec<Gap>,
    /// Documents that could not be read.
    pub damaged: Vec<Damage>,
}

impl Status {
    /// When a sync last got to the end; none where none did.
    #[must_use]
    pub fn last_sync(&self) -> Option<Timestamp> {
        let senders = self.peers.iter().filter(|peer| peer.mark.side == Side::Sender);
        senders.filter_map(|peer| peer.mark.synced_at).max()
    }
}

impl<S: Store> Tracker<S> {
    /// How the syncs of this tracker's rows stand.
    ///
    /// # Errors
    /// Gives the store's error, XX001 when a document has a body of another form.
    pub async fn sync_status(&self) -> Result<Status> {
        let (store, scope) = (self.store(), self.scope());
        let mut status = Status {
            peers: Vec::new(),
            waiting: None,
            conflicts: 0,
            shown_conflicts: Vec::new(),
            gaps: 0,
            shown_gaps: Vec::new(),
            damaged: Vec::new(),
        };
        let peers = &mut status.peers;
        let damaged = documents::each_open(store, scope, Kind::Peer, |document| {
            peers.push(Peer { mark: documents::body(&document)?, written_at: document.load_date });
            Ok(())
        });
        status.damaged.extend(damaged.await?);
        let (count, shown) = (&mut status.conflicts, &mut status.shown_conflicts);
        let damaged = documents::each_open(store, scope, Kind::Conflict, |document| {
            *count += 1;
            if shown.len() < SHOWN {
                shown.push(documents::body(&document)?);
            }
            Ok(())
        });
        status.damaged.extend(damaged.await?);
        let (count, shown) = (&mut status.gaps, &mut status.shown_gaps);
        let damaged = documents::each_open(store, scope, Kind::Gap, |document| {
            *count += 1;
            if shown.len() < SHOWN {
                shown.push(documents::body(&document)?);
            }
            Ok(())
        });
        status.damaged.extend(damaged.await?);
        let sending = status.peers.iter().filter(|peer| peer.mark.side == Side::Sender);
        if let Some(after) = sending.map(|peer| peer.mark.settled).min() {
            status.waiting = Some(waiting(store, scope, after).await?);
        }
        Ok(status)
    }

    /// What the health report says of the syncs; none where none sends from here.
    pub(crate) async fn sync_facts(&self) -> Result<Option<crate::report::SyncFacts>> {
        if Acknowledged::read(self.store(), self.scope()).await?.is_empty() {
            return Ok(None);
        }
        let status = self.sync_status().await?;
        let senders = || status.peers.iter().filter(|peer| peer.mark.side == Side::Sender);
        let Some(since) = senders().map(|peer| peer.written_at).min() else { return Ok(None) };
        let Some(waiting) = status.waiting else { return Ok(None) };
        Ok(Some(crate::report::SyncFacts {
            waiting: waiting.versions,
            more: waiting.more,
            oldest: waiting.oldest,
            last: status.last_sync(),
            since,
            conflicts: status.conflicts,
        }))
    }
}

/// Counts what is behind a position, up to a limit.
async fn waiting<S: Store>(store: &S, scope: Scope, after: Position) -> Result<Waiting> {
    let mut found = Waiting { versions: 0, more: false, oldest: None };
    let mut next = Some(Scan::Log { after });
    while let Some(scan) = next {
        let page = store.scan(scope, &scan, PAGE).await?;
        for record in &page.records {
            let Record::Entry(entry) = record else { continue };
            found.versions += 1;
            found.oldest = found.oldest.or(Some(entry.version.load_date));
        }
        found.more = page.next.is_some() && found.versions >= COUNTED;
        next = page.next.filter(|_| !found.more);
    }
    Ok(found)
}
