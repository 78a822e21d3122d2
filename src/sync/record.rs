//! What is put on record with what is sent: marks and conflicts.

use super::conflict::Conflict;
use super::documents;
use super::mark::{Mark, Side, Stored};
use super::parcel::Parcel;
use super::pass::{Agent, Passed, Way};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::Hash;
use crate::model::{Document, Kind, Position, UnitId};
use crate::store::{Key, Outcome, Record, Refusal, Store, Unit};
use crate::time::Timestamp;

/// How often the mirror is written again when retention was faster.
const TRIES: usize = 20;

/// The mark at the other end, and what goes there with the next call.
#[derive(Debug)]
pub(super) struct Marks {
    pub(super) mark: Mark,
    /// When it was put, and its hash; none before the first time.
    stored: Option<(Timestamp, Hash)>,
    /// Up to here this attempt has sent.
    pub(super) sent: Position,
    /// Conflicts of the last call.
    pub(super) carried: Vec<Document>,
    /// The mark at the other end is one of another log, until the next call.
    pub(super) from_the_start: bool,
}

impl Marks {
    pub(super) fn new(mark: Mark, stored: Option<Stored>) -> Self {
        let stored = stored.map(|stored| (stored.load_date, stored.hash_diff));
        Self { sent: mark.settled, mark, stored, carried: Vec::new(), from_the_start: false }
    }

    /// The mark after these parcels.
    pub(super) fn after(&self, parcels: &[Parcel]) -> Mark {
        let mut next = self.mark.clone();
        next.sequence += 1;
        // The conflicts of what was sent before go in the same call.
        next.settled = self.sent;
        for parcel in parcels {
            if parcel.upto > self.mark.position {
                next.versions += u64::from(parcel.subject.is_some());
                next.position = next.position.max(parcel.upto);
                next.last = parcel.subject.map(|subject| subject.witness).or(next.last);
                next.missing += parcel.missing;
            }
        }
        next
    }

    /// The unit that puts `next`.
    pub(super) fn unit(&self, key: Hash, next: &Mark, at: Timestamp, source: &str, owner: Option<Hash>) -> Result<Put> {
        let at = self.stored.map_or(at, |(load_date, _)| at.max(load_date.next()));
        let document = documents::document((Kind::Peer, key), owner, at, next, source)?;
        let stored = (document.load_date, document.hash_diff);
        let unit = documents::put(UnitId::random()?, document, self.stored.map(|(_, hash_diff)| hash_diff));
        Ok(Put { unit, stored })
    }

    /// The mark was taken over.
    pub(super) fn advance(&mut self, next: Mark, stored: (Timestamp, Hash), sent: Position) {
        self.mark = next;
        self.stored = Some(stored);
        self.sent = self.sent.max(sent);
        self.carried.clear();
        self.from_the_start = false;
    }
}

/// A mark on its way.
pub(super) struct Put {
    pub(super) unit: Unit,
    pub(super) stored: (Timestamp, Hash),
}

impl<S: Store> Agent<S> {
    /// Says in the agent's own store that its rows go to another one, so that retention keeps them while that is out of reach. A sync
    /// does it first of all; call it where not even the other store can be opened.
    ///
    /// # Errors
    /// Gives the error of the agent's store.
    pub async fn set_up(&self) -> Result<()> {
        self.mirror().await.map(drop)
    }

    /// The mark as the agent keeps it; made where there is none yet.
    pub(super) async fn mirror(&self) -> Result<Stored> {
        let (store, scope, key) = (self.tracker.store(), self.scope(), self.key(Side::Sender));
        if let Some(mirror) = Stored::find(store, scope, key).await? {
            return Ok(mirror);
        }
        let mark = Mark::new(Side::Sender, &self.name, scope, self.tracker.info().id.to_string());
        let (now, source) = (self.tracker.now(), self.tracker.record_source());
        let document = documents::document((Kind::Peer, key), scope.tenant(), now, &mark, source)?;
        let (load_date, hash_diff) = (document.load_date, document.hash_diff);
        let done = store.commit(vec![documents::put(UnitId::random()?, document, None)]).await?;
        match done.as_slice() {
            [Outcome::Done(_)] => Ok(Stored { mark, load_date, hash_diff }),
            _ => Err(self.rival("this store")),
        }
    }

    /// The error when somebody else wrote the same mark.
    pub(super) fn rival(&self, place: &str) -> Error {
        let message = format!("another sync of agent {} wrote its mark in {place} at the same time", self.name);
        Error::new(ErrorKind::Serialization, message)
    }
}

impl<S: Store, R: Store, P: FnMut(&Passed) + Send> Way<'_, S, R, P> {
    /// The parcels that were not taken over, each with its reason.
    pub(super) async fn conflicts(&self, parcels: &[Parcel], outcomes: &[Outcome]) -> Result<Vec<Document>> {
        let mut found = Vec::new();
        let mut outcomes = outcomes.iter();
        for parcel in parcels {
            let (theirs, reason) = match (&parcel.problem, parcel.unit.as_ref().and_then(|_| outcomes.next())) {
                (Some(problem), _) => (None, problem.clone()),
                (None, Some(Outcome::Conflict { theirs, .. })) => {
                    (*theirs, "the same key has other content there".to_owned())
                }
                (None, Some(Outcome::Refused(why))) => self.refusal(parcel, *why).await?,
                (None, _) => continue,
            };
            let conflict = Conflict::new(&self.agent.name, parcel, theirs, &reason);
            let tenant = parcel.subject.map_or(self.agent.scope().tenant(), |subject| subject.tenant);
            let (store, tracker) = (self.agent.tracker.info().id.to_string(), &self.agent.tracker);
            found.push(conflict.document(&store, tenant, tracker.now(), tracker.record_source())?);
        }
        Ok(found)
    }

    /// Why a version does not fit, and the hash_diff of the one that is open there.
    async fn refusal(&self, parcel: &Parcel, why: Refusal) -> Result<(Option<Hash>, String)> {
        let reason = match why {
            Refusal::Unknown => "its operation is not there: removed, or its start was set aside",
            Refusal::Moved => "its operation went another way there",
            Refusal::Finished => "its operation has ended in another way there",
            Refusal::NotLater => "what is known of its operation there is not earlier",
        };
        let Some(subject) = parcel.subject else { return Ok((None, reason.to_owned())) };
        let keys = [Key::Operation(subject.witness.operation)];
        let found = self.ask(Box::pin(self.remote.get(self.agent.scope(), &keys))).await?;
        let theirs = found.into_iter().flatten().find_map(|record| match record {
            Record::Operation(operation) => Some(operation.open.hash_diff),
            _ => None,
        });
        Ok((theirs, reason.to_owned()))
    }

    /// Puts conflicts and the mirror of the mark into the agent's own store, in one step.
    pub(super) async fn write_mirror(&self, mark: &Mark, conflicts: Vec<Document>) -> Result<()> {
        let agent = self.agent;
        if !agent.is_agent {
            return Ok(());
        }
        let (store, scope, key) = (agent.tracker.store(), agent.scope(), agent.key(Side::Sender));
        let mut units: Vec<_> = conflicts.into_iter().map(documents::put_once).collect();
        for _ in 0..TRIES {
            let open = Stored::find(store, scope, key).await?;
            let next = mark.mirrored(open.as_ref().map(|open| &open.mark));
            let at = open.as_ref().map_or(agent.tracker.now(), |open| agent.tracker.now().max(open.load_date.next()));
            let source = agent.tracker.record_source();
            let document = documents::document((Kind::Peer, key), scope.tenant(), at, &next, source)?;
            units.push(documents::put(UnitId::random()?, document, open.map(|open| open.hash_diff)));
            match store.commit(units).await?.last() {
                Some(Outcome::Done(_) | Outcome::Replayed(_)) => return Ok(()),
                // Retention has put what it removed into the mirror meanwhile. The conflicts are in.
                _ => units = Vec::new(),
            }
        }
        Err(agent.rival("this store"))
    }
}
