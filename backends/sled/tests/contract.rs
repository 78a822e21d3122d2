//! What the layout relies on, whatever the engine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::ops::ControlFlow;

use common::*;
use opledger_embedded::engine::{Batch, Engine, EngineError};
use opledger_sled::SledEngine;

fn open(root: &tempfile::TempDir) -> SledEngine {
    SledEngine::open(root.path(), &root.path().join("aside")).unwrap()
}

fn range(engine: &SledEngine, from: &[u8], to: &[u8], reverse: bool) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    engine
        .range(from, to, reverse, &mut |key, _| {
            keys.push(key.to_vec());
            ControlFlow::Continue(())
        })
        .unwrap();
    keys
}

#[test]
fn a_batch_is_applied_in_order_and_the_last_entry_of_a_key_wins() {
    let root = tempfile::tempdir().unwrap();
    let engine = open(&root);
    assert_eq!(engine.get(b"a").unwrap(), None);
    let entries = vec![
        (b"a".to_vec(), Some(b"1".to_vec())),
        (b"b".to_vec(), Some(b"1".to_vec())),
        (b"a".to_vec(), Some(b"2".to_vec())),
        (b"b".to_vec(), None),
        (b"c".to_vec(), None),
        (b"c".to_vec(), Some(Vec::new())),
    ];
    engine.apply(Batch { entries }).unwrap();
    assert_eq!(engine.get(b"a").unwrap(), Some(b"2".to_vec()));
    assert_eq!(engine.get(b"b").unwrap(), None);
    assert_eq!(engine.get(b"c").unwrap(), Some(Vec::new()));
    engine.apply(Batch::default()).unwrap();
    engine.close().unwrap();
}

#[test]
fn ranges_hold_their_bounds_in_both_directions() {
    let root = tempfile::tempdir().unwrap();
    let engine = open(&root);
    engine.apply(put((0_u16..1000).map(|n| (n.to_be_bytes().to_vec(), vec![1])))).unwrap();
    let keys = |numbers: Vec<u16>| numbers.into_iter().map(|n| n.to_be_bytes().to_vec()).collect::<Vec<_>>();
    let (from, to) = (100_u16.to_be_bytes(), 300_u16.to_be_bytes());
    assert_eq!(range(&engine, &from, &to, false), keys((100..300).collect()));
    assert_eq!(range(&engine, &from, &to, true), keys((100..300).rev().collect()));
    assert!(range(&engine, &to, &from, false).is_empty());
    assert!(range(&engine, &to, &to, true).is_empty());
    let mut seen = 0;
    engine
        .range(&from, &to, true, &mut |_, _| {
            seen += 1;
            if seen == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!(seen, 3);
}

#[test]
fn everything_is_there_after_reopening_many_times() {
    let root = tempfile::tempdir().unwrap();
    let mut model = BTreeMap::new();
    let mut random = Random(5);
    for _ in 0..8 {
        let engine = open(&root);
        assert!(engine.found().is_empty());
        assert_eq!(all(&engine, false).unwrap(), model.clone().into_iter().collect::<Vec<_>>());
        for _ in 0..60 {
            let entries: Vec<_> = (0..20)
                .map(|_| {
                    let n = random.below(2000);
                    (key(n), (random.below(4) > 0).then(|| value(n, random.below(6))))
                })
                .collect();
            for (key, value) in &entries {
                match value {
                    Some(value) => model.insert(key.clone(), value.clone()),
                    None => model.remove(key),
                };
            }
            engine.apply(Batch { entries }).unwrap();
        }
        engine.close().unwrap();
    }
    assert!(!root.path().join("aside").exists(), "kept though closed cleanly");
}

#[test]
fn values_of_64_kib_come_back_though_sled_moves_their_pages_to_blobs() {
    let root = tempfile::tempdir().unwrap();
    let big = |n: u8| vec![n; 65_535];
    let engine = open(&root);
    for n in 0..64 {
        engine.apply(put([(vec![n], big(n))])).unwrap();
        engine.sync().unwrap();
    }
    let blobs = std::fs::read_dir(root.path().join("blobs")).unwrap().count();
    assert!(blobs > 0, "sled changed: pages over 128 KiB went to blobs");
    assert!(engine.size_on_disk().unwrap() > 64 * 65_535);
    engine.close().unwrap();
    let engine = open(&root);
    for n in 0..64 {
        assert_eq!(engine.get(&[n]).unwrap(), Some(big(n)));
    }
}

#[test]
fn a_store_open_elsewhere_is_busy_and_free_again_at_once_after_close() {
    let root = tempfile::tempdir().unwrap();
    let engine = open(&root);
    for _ in 0..20 {
        let error = SledEngine::open(root.path(), &root.path().join("aside")).unwrap_err();
        assert!(matches!(error, EngineError::Io(error) if error.kind() == ErrorKind::WouldBlock));
    }
    engine.close().unwrap();
    for n in 0..20 {
        let engine = open(&root);
        fill(&engine, 100, n);
        engine.close().unwrap();
    }
    let engine = open(&root);
    drop(engine);
    let engine = open(&root);
    assert!(engine.size_on_disk().unwrap() > 0);
}

#[test]
fn many_threads_read_while_one_writes() {
    let root = tempfile::tempdir().unwrap();
    let engine = open(&root);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for n in 0..2000 {
                    let found = engine.get(&key(n % 500)).unwrap();
                    assert!(found.is_none_or(|found| (0..7).any(|v| found == value(n % 500, v))));
                }
                all(&engine, true).unwrap();
            });
        }
        fill(&engine, 1500, 3);
    });
    engine.close().unwrap();
}
