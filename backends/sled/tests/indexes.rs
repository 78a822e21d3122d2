//! Verify names each index entry that does not follow from the log, also one that is well formed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::ops::ControlFlow;
use std::path::Path;

use opledger::NewOperation;
use opledger::blocking::Tracker;
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
