//! How far retention has come in the time index, so that it does not begin at the front for each of its batches: an engine
//! that writes down what is removed, and merges it later, would pass all of that again each time.

use std::collections::BTreeMap;

use opledger::{Status, Timestamp};

use crate::engine::Batch;
use crate::keys;

/// By tenant and status: before this key there is no entry that retention has not looked at. What it looked at and left
/// can't be removed, for something of it is damaged.
#[derive(Debug, Default, Clone)]
pub(crate) struct Swept(BTreeMap<(u32, Status), Vec<u8>>);

impl Swept {
    /// The first key that retention has to look at.
    pub(crate) fn from(&self, tenant: u32, status: Status) -> Vec<u8> {
        self.0.get(&(tenant, status)).cloned().unwrap_or_else(|| keys::index_from(tenant, status, Timestamp::MIN))
    }

    /// Notes that retention looked at all before `key`.
    pub(crate) fn advance(&mut self, tenant: u32, status: Status, key: Vec<u8>) {
        self.0.insert((tenant, status), key);
    }

    /// Notes what a batch stores: an operation may be recorded long after it started.
    pub(crate) fn note(&mut self, batch: &Batch) {
        if self.0.is_empty() {
            return;
        }
        for (key, _) in batch.entries.iter().filter(|(_, value)| value.is_some()) {
            let Some(index) = keys::parse_index(key) else { continue };
            if let Some(from) = self.0.get_mut(&(index.tenant, index.status))
                && key < from
            {
                from.clone_from(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use opledger::Hash;

    use super::*;

    fn at(micros: i64, status: Status) -> Vec<u8> {
        keys::index(3, status, Timestamp::from_micros(micros), Hash::from_bytes([7; 32]))
    }

    #[test]
    fn what_is_recorded_late_is_looked_at() {
        let mut swept = Swept::default();
        let stored = |micros| Batch { entries: vec![(at(micros, Status::Completed), Some(Vec::new()))] };
        swept.note(&stored(1));
        assert_eq!(swept.from(3, Status::Completed), keys::index_from(3, Status::Completed, Timestamp::MIN));
        swept.advance(3, Status::Completed, at(50, Status::Completed));
        swept.note(&stored(70));
        assert_eq!(swept.from(3, Status::Completed), at(50, Status::Completed));
        assert_eq!(swept.from(3, Status::Failed), keys::index_from(3, Status::Failed, Timestamp::MIN));
        swept.note(&Batch {
            entries: vec![(at(10, Status::Failed), Some(Vec::new())), (at(5, Status::Completed), None)],
        });
        assert_eq!(swept.from(3, Status::Completed), at(50, Status::Completed));
        swept.note(&stored(20));
        assert_eq!(swept.from(3, Status::Completed), at(20, Status::Completed));
    }
}
