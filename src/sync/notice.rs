//! Before anything is sent: is this still the store, and the log, that came before?

use super::clock;
use super::mark::{Mark, Side, Stored};
use super::pass::{Passed, Way};
use super::record::Marks;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Position;
use crate::store::{Record, Scan, Scope, Store};

/// What a log is, by a mark.
enum Log {
    Same,
    /// Nothing is where the mark is: retention may have removed it. An agent's count of calls has to do then.
    Unknown,
    Earlier(String),
}

/// Why a log is sent from its start once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    NewStore,
    Restored,
}

impl<S: Store, R: Store, P: FnMut(&Passed) + Send> Way<'_, S, R, P> {
    /// Compares the marks at both ends with each other and with the log, and says where to go on.
    pub(super) async fn align(&mut self, end: Position) -> Result<Marks> {
        let agent = self.agent;
        // Registered before the server is asked: retention must know of it while the server is out of reach.
        let mirror = if agent.is_agent { Some(agent.mirror().await?) } else { None };
        let remote = self.ask(Box::pin(Stored::find(self.remote, agent.scope(), agent.key(Side::Receiver)))).await?;
        let known = mirror.as_ref().map_or(0, |mirror| mirror.mark.sequence);
        let own = agent.tracker.info().id.to_string();
        let (mut mark, from_the_start) = match &remote {
            None => (Mark::new(Side::Receiver, &agent.name, agent.scope(), own), None),
            Some(stored) => self.resumed(stored.mark.clone(), mirror.as_ref().map(|_| known), own, end).await?,
        };
        if known > mark.sequence {
            tracing::warn!(
                agent = agent.name,
                "the server has forgotten calls it had acknowledged; it gets them again"
            );
            self.passed.server_was_behind = true;
            mark.sequence = known;
        }
        mark.server_store = Some(self.remote.info().id.to_string());
        let offset = clock::measure(&agent.tracker, self.remote);
        mark.clock = self.ask(Box::pin(offset)).await?.or(mark.clock);
        let mut marks = Marks::new(mark, remote);
        marks.from_the_start = from_the_start.is_some();
        // What the server has acknowledged is known here before more is sent: so the two differ by one call at most.
        // Only a restored store's old count stays until a call was taken over: it is what the next attempt knows it by.
        if from_the_start != Some(Again::Restored)
            && mirror.is_some_and(|mirror| {
                mirror.mark.sequence != marks.mark.sequence || mirror.mark.settled > marks.mark.settled
            })
        {
            self.write_mirror(&marks.mark, Vec::new()).await?;
        }
        Ok(marks)
    }

    /// The mark to go on from; it begins again where the log is another and that was accepted.
    async fn resumed(
        &self,
        mark: Mark,
        mirror: Option<u64>,
        own: String,
        end: Position,
    ) -> Result<(Mark, Option<Again>)> {
        let agent = self.agent;
        let name = &agent.name;
        if mark.agent_store != own {
            if agent.new_store {
                return Ok((mark.restarted(own), Some(Again::NewStore)));
            }
            let message = format!(
                "another store ({}) came under the name {name} before, up to position {}; this one is {own}. Give this \
                 store a name of its own, or say that it takes the place of the other (new_store, --new-store)",
                mark.agent_store, mark.position
            );
            return Err(Error::new(ErrorKind::InvalidValue, message));
        }
        let found = match self.compared(&mark, mirror, end).await? {
            Log::Same => return Ok((mark, None)),
            // It costs a copy time, and nothing else, to send what the target has already.
            Log::Unknown if mirror.is_none() => return Ok((mark.restarted(own), Some(Again::Restored))),
            Log::Unknown => return Ok((mark, None)),
            Log::Earlier(found) => found,
        };
        if agent.accept_restored {
            return Ok((mark.restarted(own), Some(Again::Restored)));
        }
        let message = format!(
            "this store of {name} was restored from an old backup: {found}. Nothing was sent. Say that it is so \
             (accept_restored, --accept-restored) to send everything it has again; what went another way on the \
             server since then will be a conflict"
        );
        Err(Error::new(ErrorKind::InvalidValue, message))
    }

    /// Whether the log is the one that the mark was set in.
    async fn compared(&self, mark: &Mark, mirror: Option<u64>, end: Position) -> Result<Log> {
        if let Some(known) = mirror.filter(|known| mark.sequence > known.saturating_add(1)) {
            let found = format!("the server counted {} calls, this store knows of {known}", mark.sequence);
            return Ok(Log::Earlier(found));
        }
        if end < mark.position {
            let found = format!("its log ends at {end}, the server has it up to {}", mark.position);
            return Ok(Log::Earlier(found));
        }
        let Some(last) = mark.last else { return Ok(Log::Same) };
        let scan = Scan::Log { after: last.position.just_before() };
        let page = self.agent.tracker.store().scan(self.agent.scope(), &scan, 1).await?;
        let here = page.records.iter().find_map(|record| match record {
            Record::Entry(entry) if entry.version.position == last.position => Some(&entry.version),
            _ => None,
        });
        let same = (last.operation, last.load_date, last.hash_diff);
        let (at, theirs) = (last.position, last.operation);
        let earlier =
            || Log::Earlier(format!("at {at} it has another entry than the server, which has operation {theirs}"));
        Ok(match here {
            Some(here) if (here.script_execution_hk, here.load_date, here.hash_diff) == same => Log::Same,
            Some(_) => earlier(),
            None if self.is_anothers(at).await? => earlier(),
            None => Log::Unknown,
        })
    }

    /// Whether a place of the log in which this scope has nothing holds a row of another tenant.
    async fn is_anothers(&self, position: Position) -> Result<bool> {
        let scan = Scan::Log { after: position.just_before() };
        let page = match self.agent.tracker.store().scan(Scope::All, &scan, 1).await {
            Err(error) if error.kind() == ErrorKind::Permission => return Ok(false),
            page => page?,
        };
        let at = |record: &Record| matches!(record, Record::Entry(entry) if entry.version.position == position);
        Ok(self.agent.scope() != Scope::All && page.records.iter().any(at))
    }
}
