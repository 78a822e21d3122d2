//! The end of a pass: what is left to be told, and that all was sent.

use super::documents;
use super::gap::{Cause, Gap};
use super::mark::Side;
use super::pass::{Passed, Way};
use super::record::Marks;
use crate::error::Result;
use crate::model::{Document, Kind};
use crate::store::{Key, Outcome, Store};

/// Documents that are sent in one call.
const PAGE: usize = 100;

impl<S: Store, R: Store, P: FnMut(&Passed) + Send> Way<'_, S, R, P> {
    pub(super) async fn finish(&mut self, mut marks: Marks) -> Result<()> {
        let gaps = self.gaps(&marks).await?;
        let unsettled = marks.from_the_start || marks.mark.settled != marks.mark.position;
        if unsettled || !gaps.is_empty() || !marks.carried.is_empty() {
            self.settle(&mut marks, gaps).await?;
        }
        marks.mark.synced_at = Some(self.agent.tracker.now());
        self.write_mirror(&marks.mark, Vec::new()).await
    }

    /// The GAPs that the other store does not have yet. What is missing in the log and in no GAP becomes one.
    async fn gaps(&mut self, marks: &Marks) -> Result<Vec<Document>> {
        let agent = self.agent;
        if !agent.is_agent {
            return Ok(Vec::new());
        }
        let (store, scope) = (agent.tracker.store(), agent.scope());
        let mut explained = 0;
        let mut all = Vec::new();
        let damaged = documents::each_open(store, scope, Kind::Gap, |document| {
            explained += documents::body::<Gap>(&document)?.versions;
            all.push(document);
            Ok(())
        })
        .await?;
        for damage in damaged {
            tracing::error!(record = damage.record, reason = damage.reason, "a damaged GAP is not sent");
        }
        let unknown = marks.mark.missing.saturating_sub(explained);
        if unknown > 0 {
            let gap = Gap { versions: unknown, ..Gap::new(Cause::Unknown) };
            let document = gap.document(scope.tenant(), agent.tracker.now(), agent.tracker.record_source())?;
            store.commit(vec![documents::put_once(document.clone())]).await?;
            all.push(document);
        }
        let mut missing = Vec::new();
        for some in all.chunks(PAGE) {
            let keys: Vec<_> = some.iter().map(|gap| Key::Document(Kind::Gap, gap.key)).collect();
            let there = self.ask(Box::pin(self.remote.get(scope, &keys))).await?;
            missing.extend(some.iter().zip(there).filter(|(_, there)| there.is_none()).map(|(gap, _)| gap.clone()));
        }
        Ok(missing)
    }

    /// Sends what is left, and a mark that says so.
    async fn settle(&mut self, marks: &mut Marks, gaps: Vec<Document>) -> Result<()> {
        let agent = self.agent;
        let sent = u64::try_from(gaps.len()).unwrap_or(u64::MAX);
        let mut next = marks.after(&[]);
        next.settled = next.position;
        next.synced_at = Some(agent.tracker.now());
        let source = agent.tracker.record_source();
        let put = marks.unit(agent.key(Side::Receiver), &next, agent.tracker.now(), source, agent.scope().tenant())?;
        let mut units: Vec<_> =
            std::mem::take(&mut marks.carried).into_iter().chain(gaps).map(documents::put_once).collect();
        units.push(put.unit);
        let outcomes = self.ask(Box::pin(self.remote.commit(units))).await?;
        if !matches!(outcomes.last(), Some(Outcome::Done(_) | Outcome::Replayed(_))) {
            return Err(self.agent.rival("the other store"));
        }
        let position = next.position;
        marks.advance(next, put.stored, position);
        self.passed.gaps += sent;
        self.patience.progressed();
        Ok(())
    }
}
