//! Folding the inbox in: intents of other processes, judged on what stands now.

use std::io;

use opledger::intent::{Intent, Verdict};
use opledger::store::{Outcome, Refusal};
use opledger::{Completion, Error, ErrorKind, Result, Status};

use super::Committer;
use crate::engine::Engine;
use crate::files::io_error;
use crate::inbox::Waiting;
use crate::transaction::Transaction;

/// Intents folded in by one group.
const GROUP: usize = 500;

impl<E: Engine> Committer<E> {
    /// Folds in everything that waits.
    ///
    /// A listing made while files appear may show a later one and miss an earlier one. So the starts of a
    /// second listing are folded in before anything else of the first: an intent's start was on disk before it.
    pub(super) fn fold(&mut self) -> Result<()> {
        self.serviceable()?;
        let failed = |error| io_error("can't read the inbox of", &self.shared.dir, error);
        let listed = self.inbox.list().map_err(failed)?;
        if listed.is_empty() {
            return Ok(());
        }
        let again = self.inbox.list().map_err(failed)?;
        let mut starts = Vec::new();
        let mut others = Vec::new();
        for waiting in again {
            match self.inbox.read(&waiting).map_err(failed)? {
                None => {}
                Some(Ok(intent @ Intent::Start(_))) => starts.push((waiting, intent)),
                Some(Ok(intent)) if listed.contains(&waiting) => others.push((waiting, intent)),
                Some(Ok(_)) => {}
                Some(Err(reason)) => {
                    tracing::error!(?waiting, reason, "an intent in the inbox is damaged; it is kept aside");
                    self.inbox.set_aside(&waiting, "damaged").map_err(failed)?;
                }
            }
        }
        starts.append(&mut others);
        let mut starts = starts.into_iter();
        loop {
            let group: Vec<_> = starts.by_ref().take(GROUP).collect();
            if group.is_empty() {
                return Ok(());
            }
            self.fold_group(group)?;
        }
    }

    fn fold_group(&mut self, group: Vec<(Waiting, Intent)>) -> Result<()> {
        let mut answers = Vec::with_capacity(group.len());
        self.group(|transaction| {
            for (waiting, intent) in group {
                let answer = carry_out(transaction, &intent);
                answers.push((waiting, intent, answer));
            }
            Ok(())
        })?;
        // The inbox was on disk, so its place in the engine must be before it may go.
        self.sync()?;
        for (waiting, intent, answer) in answers {
            self.clear(&waiting, &intent, &answer)
                .map_err(|error| io_error("can't clear the inbox of", &self.shared.dir, error))?;
        }
        Ok(())
    }

    fn clear(&self, waiting: &Waiting, intent: &Intent, answer: &Result<Completion>) -> io::Result<()> {
        let asked = waiting.asks();
        let refused = match answer {
            Ok(Completion::Recorded) => None,
            Ok(Completion::Unknown) => Some("there is no such operation".to_owned()),
            Ok(Completion::AlreadyFinished(status)) => Some(format!("the operation is {status} already")),
            Err(error) => Some(error.to_string()),
        };
        match refused {
            // Who asked is told; nobody else would ever know.
            Some(reason) if !asked => {
                let operation = intent.operation();
                tracing::warn!(%operation, reason, "an intent in the inbox was refused; it is kept aside");
                self.inbox.set_aside(waiting, "refused")
            }
            _ => self.inbox.done(waiting, answer),
        }
    }
}

fn carry_out<E: Engine>(transaction: &mut Transaction<'_, E>, intent: &Intent) -> Result<Completion> {
    let hk = intent.operation();
    let change = match intent {
        Intent::Start(_) => None,
        Intent::Finish(finish) => Some((finish.unit, finish.scope)),
        Intent::Annotate(annotate) => Some((annotate.unit, annotate.scope)),
    };
    let current = match change {
        None => None,
        Some((unit, scope)) => match transaction.known(hk)? {
            // A crash between commit and removal left the file: it may be followed by later changes by now.
            Some(known) if scope.sees(known.operation.hub.tenant) && transaction.find_unit(&known, unit)?.is_some() => {
                return Ok(Completion::Recorded);
            }
            stored => stored.map(|known| known.operation),
        },
    };
    let unit = match intent.judge(current.as_ref())? {
        Verdict::Change(unit) => *unit,
        Verdict::Nothing | Verdict::Replayed(_) => return Ok(Completion::Recorded),
        Verdict::Unknown => return Ok(Completion::Unknown),
        Verdict::Finished(status) => return Ok(Completion::AlreadyFinished(status)),
    };
    match transaction.carry_out(unit)? {
        Outcome::Done(_) | Outcome::Replayed(_) => Ok(Completion::Recorded),
        Outcome::Conflict { ours, theirs } => Err(Error::conflict(hk, ours, theirs)),
        Outcome::Refused(Refusal::Unknown) => Ok(Completion::Unknown),
        Outcome::Refused(Refusal::Finished) => Ok(Completion::AlreadyFinished(Status::Completed)),
        Outcome::Refused(why) => Err(Error::new(ErrorKind::Serialization, format!("refused: {why:?}"))),
    }
}
