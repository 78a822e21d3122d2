//! Reading rows in their orders, page by page.

use std::ops::Bound::{Excluded, Included, Unbounded};

use opledger::store::{Entry, Page, Record, Scan, Scope};
use opledger::{Hash, Position, Timestamp, Version};

use crate::rows::{Kept, Rows};

/// After every other hash.
const LAST: Hash = Hash::from_bytes([0xff; 32]);

impl Rows {
    pub(crate) fn scan(&self, scope: Scope, scan: &Scan, limit: usize) -> Page {
        match scan {
            Scan::Versions { operation, after } => self.versions(scope, *operation, *after, limit),
            Scan::History { since, until, status, script_type, before } => {
                let wanted = |open: &Version| {
                    let open = &open.attributes;
                    status.is_none_or(|status| open.execution_status == status)
                        && script_type.as_ref().is_none_or(|script_type| open.script_type == *script_type)
                };
                let resume = |before| Scan::History {
                    since: *since,
                    until: *until,
                    status: *status,
                    script_type: script_type.clone(),
                    before: Some(before),
                };
                self.history(scope, (*before, *since, *until), wanted, limit, resume)
            }
            Scan::Operations { after } => self.operations(scope, *after, limit),
            Scan::Log { after } => self.log(scope, *after, limit),
            Scan::Documents { kind, after } => {
                let rows = self.documents.versions(scope, *kind, *after);
                page(rows, limit, |after| Scan::Documents { kind: *kind, after: Some(after) })
            }
            // What was found in the store is not for one tenant to see.
            Scan::Checks { .. } if matches!(scope, Scope::Tenant(_)) => Page::default(),
            Scan::Checks { before } => {
                let checks = self.checks.range((Unbounded, before.map_or(Unbounded, Excluded))).rev();
                page(checks.map(|(at, (_, check))| (Record::Check(check.clone()), *at)), limit, |at| Scan::Checks {
                    before: Some(at),
                })
            }
        }
    }

    fn versions(&self, scope: Scope, operation: Hash, after: Option<Timestamp>, limit: usize) -> Page {
        let kept = self.operations.get(&operation).filter(|kept| scope.sees(kept.hub.tenant));
        let versions = kept.into_iter().flat_map(|kept| &kept.versions);
        let later = versions.filter(|version| after.is_none_or(|after| version.load_date > after));
        let rows = later.map(|version| (Record::Version(Box::new(version.clone())), version.load_date));
        page(rows, limit, |at| Scan::Versions { operation, after: Some(at) })
    }

    fn history(
        &self,
        scope: Scope,
        (before, since, until): (Option<(Timestamp, Hash)>, Option<Timestamp>, Option<Timestamp>),
        wanted: impl Fn(&Version) -> bool,
        limit: usize,
        resume: impl Fn((Timestamp, Hash)) -> Scan,
    ) -> Page {
        let upper = before.map_or_else(|| until.map_or(Unbounded, |until| Included((until, LAST))), Excluded);
        let within = self.history.range((Unbounded, upper)).rev();
        let within = within.filter(|(at, _)| until.is_none_or(|until| *at <= until));
        let within = within.take_while(|(at, _)| since.is_none_or(|since| *at > since));
        let rows = within.filter_map(|key| {
            let kept = self.operations.get(&key.1).filter(|kept| scope.sees(kept.hub.tenant))?;
            kept.open().filter(|open| wanted(open))?;
            Some((kept.as_operation()?, *key))
        });
        page(rows, limit, resume)
    }

    fn operations(&self, scope: Scope, after: Option<Hash>, limit: usize) -> Page {
        let following = self.operations.range((after.map_or(Unbounded, Excluded), Unbounded));
        let seen = following.filter(|(_, kept)| scope.sees(kept.hub.tenant));
        let rows = seen.filter_map(|(hk, kept)| Some((kept.as_operation()?, *hk)));
        page(rows, limit, |hk| Scan::Operations { after: Some(hk) })
    }

    fn log(&self, scope: Scope, after: Position, limit: usize) -> Page {
        let following = self.log.range((Excluded(after), Unbounded));
        let rows = following.filter_map(|(position, (hk, place))| {
            let Kept { hub, versions } = self.operations.get(hk).filter(|kept| scope.sees(kept.hub.tenant))?;
            // As it was appended: open.
            let version = Version { load_end_date: None, ..versions.get(*place)?.clone() };
            Some((Record::Entry(Box::new(Entry { hub: Some(hub.clone()), version })), *position))
        });
        page(rows, limit, |position| Scan::Log { after: position })
    }
}

/// The first `limit` rows; when there are more, the scan that goes on after the last of them.
fn page<K>(rows: impl Iterator<Item = (Record, K)>, limit: usize, resume: impl FnOnce(K) -> Scan) -> Page {
    let mut rows = rows.peekable();
    let mut last = None;
    let records = rows.by_ref().take(limit).map(|(record, key)| {
        last = Some(key);
        record
    });
    let records = records.collect();
    let next = rows.peek().and(last).map(resume);
    Page { records, damaged: Vec::new(), next }
}
