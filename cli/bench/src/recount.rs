//! What was given to a ledger, held against what it has.

use opledger::{Result, Status};

use crate::ledger::Ledger;
use crate::{content, fill};

/// What a ledger must hold: operations `0..count`, each once, ended as [`content`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// How many operations were given.
    pub count: u64,
    /// Whether they are a filled month, of which some go on.
    pub filled: bool,
    /// How many of them were removed since: the oldest that had ended.
    pub removed: u64,
}

impl Expected {
    fn status(&self, n: u64) -> Status {
        match (self.filled && fill::goes_on(n), content::fails(n)) {
            (true, _) => Status::Running,
            (_, true) => Status::Failed,
            _ => Status::Completed,
        }
    }

    /// Which operations are gone: as many of the oldest finished ones as were removed.
    fn is_removed(&self) -> impl FnMut(u64) -> bool + '_ {
        let mut left = self.removed;
        move |n| {
            let gone = left > 0 && self.status(n) != Status::Running;
            left -= u64::from(gone);
            gone
        }
    }

    /// Reads the ledger and says what is not as it must be; nothing where all is.
    ///
    /// # Errors
    /// Gives the ledger's error, XX001 where it finds by itself that something stored is damaged.
    pub fn compare(&self, ledger: &dyn Ledger) -> Result<Option<String>> {
        let mut seen = vec![0_u8; usize::try_from(self.count).unwrap_or(usize::MAX)];
        let (mut strangers, mut unlike, mut first_unlike) = (0_u64, 0_u64, None);
        let versions = ledger.recount(&mut |number, status| {
            let index = number.and_then(|n| usize::try_from(n).ok());
            let (Some(n), Some(times)) = (number, index.and_then(|index| seen.get_mut(index))) else {
                strangers += 1;
                return;
            };
            *times = times.saturating_add(1);
            if status != self.status(n) {
                unlike += 1;
                first_unlike = Some(first_unlike.map_or(n, |first: u64| first.min(n)));
            }
        })?;
        if strangers > 0 {
            return Ok(Some(format!("{strangers} operations are stored that were not given")));
        }
        if let Some(first) = first_unlike {
            let ended = self.status(first);
            return Ok(Some(format!("{unlike} operations do not stand as given: number {first} should be {ended}")));
        }
        let (mut is_removed, mut expected_versions) = (self.is_removed(), 0);
        let (mut missing, mut twice, mut left) = (0_u64, 0_u64, 0_u64);
        for (n, times) in (0..).zip(&seen) {
            let gone = is_removed(n);
            if !gone {
                expected_versions += if self.status(n) == Status::Running { 1 } else { 2 };
            }
            missing += u64::from(!gone && *times == 0);
            left += u64::from(gone && *times > 0);
            twice += u64::from(*times > 1);
        }
        if missing + twice + left > 0 {
            let of = self.count;
            return Ok(Some(format!(
                "of {of} operations {missing} are missing, {twice} are there twice, {left} were to be removed"
            )));
        }
        let count = format!("{versions} versions are stored, not {expected_versions}");
        Ok((versions != expected_versions).then_some(count))
    }
}
