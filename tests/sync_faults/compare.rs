//! Every row of every store.

use std::collections::{BTreeMap, BTreeSet};

use opledger::model::Kind;
use opledger::store::{Record, Scan};
use opledger::sync::Conflict;
use opledger::{Hash, Hub, Position, Scope, Store, Tracker, Version};
use opledger_testkit::check_invariants;
use pollster::block_on;

/// Every record of a scan.
fn records<S: Store>(store: &S, scan: Scan) -> Vec<Record> {
    let mut found = Vec::new();
    let mut next = Some(scan);
    while let Some(scan) = next {
        let page = block_on(store.scan(Scope::All, &scan, 500)).unwrap();
        assert_eq!(page.damaged, []);
        found.extend(page.records);
        next = page.next;
    }
    found
}

/// Every operation with its versions, but for their places in the log.
fn rows<S: Store>(store: &S) -> BTreeMap<Hash, (Hub, Vec<Version>)> {
    let mut rows: BTreeMap<Hash, (Hub, Vec<Version>)> = BTreeMap::new();
    for record in records(store, Scan::Log { after: Position::START }) {
        let Record::Entry(entry) = record else { panic!("not an entry") };
        let (hub, version) = (entry.hub.unwrap(), Version { position: Position::START, ..entry.version });
        rows.entry(version.script_execution_hk).or_insert_with(|| (hub, Vec::new())).1.push(version);
    }
    rows
}

fn conflicts<S: Store>(store: &S) -> BTreeMap<Hash, Conflict> {
    records(store, Scan::Documents { kind: Kind::Conflict, after: None })
        .into_iter()
        .map(|record| match record {
            Record::Document(document) => (document.key, serde_json::from_str(document.body.as_str()).unwrap()),
            other => panic!("not a document: {other:?}"),
        })
        .collect()
}

/// Compares agents and their server; gives how many operations they have. Where somebody else touched an operation on the
/// server, each version of it that the server lacks is a conflict on record at both ends, and nothing else is.
pub(crate) fn compare<S: Store, R: Store>(agents: &[&Tracker<S>], server: &R, touched: &[Hash]) -> usize {
    let there = rows(server);
    let recorded = conflicts(server);
    let mut here = BTreeSet::new();
    let mut told = BTreeSet::new();
    for tracker in agents {
        let ours = conflicts(tracker.store());
        told.extend(ours.keys().copied());
        for (key, conflict) in &ours {
            assert_eq!(recorded.get(key), Some(conflict), "a conflict that the server does not have, or has otherwise");
        }
        let in_conflict: BTreeSet<_> =
            ours.values().map(|conflict| (conflict.operation.unwrap(), conflict.load_date.unwrap())).collect();
        for (hk, (hub, versions)) in rows(tracker.store()) {
            let (their_hub, their_versions) = there.get(&hk).unwrap_or_else(|| panic!("{hk} is not on the server"));
            assert_eq!(*their_hub, hub);
            if touched.contains(&hk) {
                for version in &versions {
                    let arrived = their_versions.contains(version);
                    let told = in_conflict.contains(&(hk, version.load_date));
                    assert!(
                        arrived != told,
                        "{hk}: a version of {} arrived: {arrived}, told: {told}",
                        version.load_date
                    );
                }
            } else {
                assert_eq!(*their_versions, versions, "{hk}");
            }
            assert!(here.insert(hk), "{hk} is in two agents");
        }
        block_on(check_invariants(tracker));
    }
    assert_eq!(there.keys().copied().collect::<BTreeSet<_>>(), here, "what the server has, and the agents");
    assert_eq!(recorded.keys().copied().collect::<BTreeSet<_>>(), told, "conflicts");
    here.len()
}
