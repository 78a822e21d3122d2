//! One attempt: from where the other store stands to the end of the log.

use std::collections::VecDeque;

use super::documents;
use super::mark::Side;
use super::parcel::Parcel;
use super::pass::{Passed, Way};
use super::reader::{Reader, end_of_log};
use super::record::Marks;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Outcome, Store};

impl<S: Store, R: Store, P: FnMut(&Passed) + Send> Way<'_, S, R, P> {
    pub(super) async fn attempt(&mut self) -> Result<()> {
        let (store, scope) = (self.agent.tracker.store(), self.agent.scope());
        let end = end_of_log(store, scope).await?;
        let mut marks = self.align(end).await?;
        let mut reader = Reader::new(store, scope, (marks.mark.settled, marks.mark.position, end));
        let mut queue = VecDeque::new();
        reader.fill(&mut queue, self.width, self.bytes).await?;
        while !queue.is_empty() {
            let mut parcels = self.take(&mut queue);
            let next = marks.after(&parcels);
            let source = self.agent.tracker.record_source();
            let put =
                marks.unit(self.agent.key(Side::Receiver), &next, self.agent.tracker.now(), source, scope.tenant())?;
            let mut units: Vec<_> = parcels.iter().filter_map(|parcel| parcel.unit.clone()).collect();
            units.extend(marks.carried.iter().cloned().map(documents::put_once));
            units.push(put.unit);
            let count = units.len();
            // A commit is eager: while it is on its way, the next parcels are read.
            let sent = Box::pin(self.remote.commit(units));
            let filled = reader.fill(&mut queue, self.width.saturating_mul(2), self.bytes).await;
            match self.ask(sent).await {
                Ok(outcomes) => {
                    self.taken_over(&mut marks, &parcels, (next, put.stored), &outcomes, count).await?;
                    self.width = self.width.saturating_mul(2).min(self.agent.batch);
                }
                Err(error) if may_be_a_record(&error) => {
                    self.passed.failures += 1;
                    if let [only] = parcels.as_mut_slice() {
                        // Without it the call must succeed: else it is the store that is ill, not the record.
                        if only.unit.take().is_none() {
                            return Err(error);
                        }
                        only.problem = Some(format!("the other store refused it: {error}"));
                    }
                    self.width = (parcels.len() / 2).max(1);
                    parcels.into_iter().rev().for_each(|parcel| queue.push_front(parcel));
                }
                Err(error) => {
                    self.width = (parcels.len() / 2).max(1);
                    return Err(error);
                }
            }
            filled?;
            if self.stop.is_set() {
                return Err(Error::new(ErrorKind::Closed, "the sync was told to stop"));
            }
        }
        self.finish(marks).await
    }

    /// The parcels of the next call.
    fn take(&self, queue: &mut VecDeque<Parcel>) -> Vec<Parcel> {
        let mut bytes = 0;
        let fitting = queue.iter().take(self.width).take_while(|parcel| {
            bytes += parcel.weight;
            bytes <= self.bytes
        });
        let count = fitting.count().max(1).min(queue.len());
        queue.drain(..count).collect()
    }

    /// Puts on record what became of a call.
    async fn taken_over(
        &mut self,
        marks: &mut Marks,
        parcels: &[Parcel],
        (next, stored): (super::Mark, (crate::Timestamp, crate::Hash)),
        outcomes: &[Outcome],
        count: usize,
    ) -> Result<()> {
        match outcomes.last() {
            Some(Outcome::Done(_) | Outcome::Replayed(_)) if outcomes.len() == count => {}
            Some(_) if outcomes.len() == count => return Err(self.agent.rival("the other store")),
            _ => {
                let message = format!("{} outcomes for {count} units", outcomes.len());
                return Err(Error::new(ErrorKind::Corrupt, message));
            }
        }
        let conflicts = self.conflicts(parcels, outcomes).await?;
        let failed = u64::try_from(conflicts.len()).unwrap_or(u64::MAX);
        self.write_mirror(&next, conflicts.clone()).await?;
        let sent = parcels.last().map_or(marks.sent, |parcel| parcel.upto);
        marks.advance(next, stored, sent);
        marks.carried = conflicts;
        self.passed.conflicts += failed;
        self.passed.versions += u64::try_from(parcels.len()).unwrap_or(u64::MAX).saturating_sub(failed);
        self.patience.progressed();
        (self.progress)(&self.passed);
        Ok(())
    }
}

/// Whether an error may be about one record of a call, or the size of the call, so that a part of it may succeed.
fn may_be_a_record(error: &Error) -> bool {
    error.kind().is_bad_input() || matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Io)
}
