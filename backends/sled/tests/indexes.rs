//! Index entries that do not follow from the log, also well formed ones: verify names each, a cleanup goes past them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::ops::ControlFlow;
use std::path::Path;

use opledger::blocking::Tracker;
use opledger::{NewOperation, Scope, Store, Timestamp};
use opledger_embedded::engine::{Batch, Engine};
use opledger_sled::{Options, SledEngine, SledStore};

type Entries = Vec<(Vec<u8>, Vec<u8>)>;

fn open(dir: &Path) -> Tracker<SledStore> {
    Tracker::new(SledStore::open(dir, Options::default()).unwrap())
}

fn engine(dir: &Path) -> SledEngine {
    SledEngine::open(&dir.join("sled"), &dir.join("aside").join("test")).unwrap()
}

fn entries(dir: &Path, kind: u8) -> Entries {
    let engine = engine(dir);
    let mut entries = Vec::new();
    let visit = &mut |key: &[u8], value: &[u8]| {
        entries.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    };
    engine.range(&[kind], &[kind + 1], false, visit).unwrap();
    engine.close().unwrap();
    entries
}

fn put(dir: &Path, key: &[u8], value: Option<&[u8]>) {
    let engine = engine(dir);
    engine.apply(Batch { entries: vec![(key.to_vec(), value.map(<[u8]>::to_vec))] }).unwrap();
    engine.close().unwrap();
}

/// What verify finds: orphans, and all.
fn found(dir: &Path) -> (u64, Vec<String>) {
    let tracker = open(dir);
    let found = tracker.for_all().verify().unwrap();
    tracker.close().unwrap();
    let findings = found.findings.into_iter().map(|damage| format!("{}: {}", damage.record, damage.reason));
    (found.check.orphan_versions, findings.collect())
}

#[test]
fn each_entry_that_does_not_follow_from_the_log_is_named() {
    // Looked up by its key, a running operation's entry was taken as it was: one with another type was not named.
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let tracker = open(dir);
    for (name, script_type) in [("one", "BACKUP"), ("two", "MANUAL"), ("three", "REPORTING")] {
        drop(tracker.start(NewOperation::new(name).script_type(script_type)).unwrap());
        tracker.start(NewOperation::new(name).script_type(script_type)).unwrap().complete().unwrap();
    }
    tracker.close().unwrap();
    drop(tracker);
    assert_eq!(found(dir), (0, Vec::new()));
    for kind in *b"htc" {
        let entries = entries(dir, kind);
        assert!(entries.len() >= 6, "{} entries of the kind {}", entries.len(), char::from(kind));
        for (key, value) in &entries {
            put(dir, key, None);
            let (orphans, findings) = found(dir);
            assert!(!findings.is_empty(), "nobody misses {key:?}");
            assert_eq!(orphans > 0, kind == b'h', "{findings:?}");
            let other = entries.iter().map(|(_, other)| other).find(|other| *other != value);
            if let Some(other) = other {
                put(dir, key, Some(other));
                assert!(!found(dir).1.is_empty(), "{key:?} may say what another one says");
            }
            put(dir, key, Some(value));
        }
    }
    assert_eq!(found(dir), (0, Vec::new()));
}

#[test]
fn a_cleanup_goes_past_what_it_can_not_remove() {
    // Each batch began at the front again: where one was full of operations without a hub, a cleanup never ended.
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let tracker = open(dir);
    for n in 0..9 {
        tracker.start(NewOperation::new(format!("work {n}"))).unwrap().complete().unwrap();
    }
    tracker.close().unwrap();
    drop(tracker);
    // The time index has the oldest first, and a hash key at the end of each key.
    let oldest = entries(dir, b't').into_iter().take(4).map(|(key, _)| [b"h", &key[key.len() - 16..]].concat());
    oldest.for_each(|hub| put(dir, &hub, None));
    let tracker = open(dir);
    let purge = || pollster::block_on(tracker.inner().store().purge(Scope::All, Timestamp::MAX, 2)).unwrap();
    let mut removed = Vec::new();
    for _ in 0..9 {
        let purged = purge();
        removed.push(purged.operations);
        if !purged.more {
            break;
        }
    }
    assert_eq!(removed, [0, 0, 2, 2, 1]);
    assert_eq!(purge().operations, 0);
    tracker.close().unwrap();
    drop(tracker);
    assert_eq!(entries(dir, b't').len(), 4);
}
