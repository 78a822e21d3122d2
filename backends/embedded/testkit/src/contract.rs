//! What the layout relies on, whatever the engine.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::Path;

use opledger_embedded::engine::{Batch, Engine, EngineError};

use crate::Subject;
use crate::entries::{all, fill, key, put, value};
use crate::files::contents;
use crate::random::Random;

fn open<T: Subject>(root: &tempfile::TempDir) -> T::Engine {
    T::Engine::open(root.path(), &root.path().join("aside")).unwrap()
}

/// Makes the changes of a batch in a map.
fn note(model: &mut BTreeMap<Vec<u8>, Vec<u8>>, entries: &[(Vec<u8>, Option<Vec<u8>>)]) {
    for (key, value) in entries {
        match value {
            Some(value) => model.insert(key.clone(), value.clone()),
            None => model.remove(key),
        };
    }
}

fn range<T: Subject>(engine: &T::Engine, from: &[u8], to: &[u8], reverse: bool) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    engine
        .range(from, to, reverse, &mut |key, _| {
            keys.push(key.to_vec());
            ControlFlow::Continue(())
        })
        .unwrap();
    keys
}

pub fn a_batch_is_applied_in_order_and_the_last_entry_of_a_key_wins<T: Subject>() {
    let root = tempfile::tempdir().unwrap();
    let engine = open::<T>(&root);
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

/// For the engines that can; `counts` says which files are looked at.
pub fn the_room_of_what_was_removed_is_given_back<T: Subject>(counts: fn(&Path) -> bool) {
    let root = tempfile::tempdir().unwrap();
    let engine = open::<T>(&root);
    let size = || {
        let files = contents(root.path()).into_iter().filter(|(path, _)| counts(path));
        files.map(|(_, bytes)| bytes.len()).sum::<usize>()
    };
    let (entries, kept) = (20_000, 2_000);
    for n in (0..entries).step_by(500) {
        engine.apply(put((n..n + 500).map(|n| (key(n), value(n, 0))))).unwrap();
    }
    engine.close().unwrap();
    let before = size();
    let mut engine = open::<T>(&root);
    for n in (kept..entries).step_by(500) {
        engine.apply(Batch { entries: (n..n + 500).map(|n| (key(n), None)).collect() }).unwrap();
    }
    engine.give_back().unwrap();
    engine.close().unwrap();
    let after = size();
    assert!(after * 3 < before, "{before} bytes became {after} after nine tenths were removed");
    let engine = open::<T>(&root);
    assert_eq!(all::<T>(&engine, false).unwrap().len() as u64, kept);
    assert!((0..kept).all(|n| engine.get(&key(n)).unwrap() == Some(value(n, 0))));
    engine.close().unwrap();
}

pub fn ranges_hold_their_bounds_in_both_directions<T: Subject>() {
    let root = tempfile::tempdir().unwrap();
    let engine = open::<T>(&root);
    engine.apply(put((0_u16..1000).map(|n| (n.to_be_bytes().to_vec(), vec![1])))).unwrap();
    let keys = |numbers: Vec<u16>| numbers.into_iter().map(|n| n.to_be_bytes().to_vec()).collect::<Vec<_>>();
    let (from, to) = (100_u16.to_be_bytes(), 300_u16.to_be_bytes());
    assert_eq!(range::<T>(&engine, &from, &to, false), keys((100..300).collect()));
    assert_eq!(range::<T>(&engine, &from, &to, true), keys((100..300).rev().collect()));
    assert!(range::<T>(&engine, &to, &from, false).is_empty());
    assert!(range::<T>(&engine, &to, &to, true).is_empty());
    let mut seen = 0;
    engine
        .range(&from, &to, true, &mut |_, _| {
            seen += 1;
            if seen == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!(seen, 3);
}

pub fn everything_is_there_after_reopening_many_times<T: Subject>() {
    let root = tempfile::tempdir().unwrap();
    let mut model = BTreeMap::new();
    let mut random = Random(5);
    for _ in 0..8 {
        let engine = open::<T>(&root);
        assert!(engine.found().is_empty());
        assert_eq!(all::<T>(&engine, false).unwrap(), model.clone().into_iter().collect::<Vec<_>>());
        for _ in 0..60 {
            let entries: Vec<_> = (0..20)
                .map(|_| {
                    let n = random.below(2000);
                    (key(n), (random.below(4) > 0).then(|| value(n, random.below(6))))
                })
                .collect();
            note(&mut model, &entries);
            engine.apply(Batch { entries }).unwrap();
        }
        engine.close().unwrap();
    }
    assert!(!root.path().join("aside").exists(), "kept though closed cleanly");
}

/// sled keeps index entries in packs: what is next to them, in them and between them must be found as if each stood alone.
pub fn index_entries_are_found_as_any_others<T: Subject>() {
    let root = tempfile::tempdir().unwrap();
    let mut model = BTreeMap::new();
    let mut random = Random(11);
    for session in 0..4 {
        let engine = open::<T>(&root);
        assert_eq!(all::<T>(&engine, false).unwrap(), model.clone().into_iter().collect::<Vec<_>>());
        for turn in 0..60 {
            // Now scattered, now a run that begins anywhere, now much that goes.
            let begin = random.below(1 << 14) as u16;
            let entries: Vec<_> = (0..1 + random.below(200) as u16)
                .map(|n| {
                    let number = if turn % 2 == 0 { random.below(1 << 14) as u16 } else { begin.wrapping_add(n) };
                    let removed = random.below(4) < if turn % 5 == 0 { 3 } else { 1 };
                    let length = random.below(20) as usize;
                    (index_key(&mut random, number), (!removed).then(|| value(number.into(), 0)[..length].to_vec()))
                })
                .collect();
            note(&mut model, &entries);
            engine.apply(Batch { entries }).unwrap();
            let mut bounds = [0; 2].map(|_| {
                let number = random.below(1 << 14) as u16;
                index_key(&mut random, number)
            });
            bounds.sort_unstable();
            let [from, to] = &bounds;
            let mut expected: Vec<Vec<u8>> =
                model.range(from.clone()..to.clone()).map(|(key, _)| key.clone()).collect();
            assert_eq!(range::<T>(&engine, from, to, false), expected, "{session} {turn}");
            expected.reverse();
            assert_eq!(range::<T>(&engine, from, to, true), expected, "{session} {turn}");
            assert_eq!(engine.get(from).unwrap(), model.get(from).cloned());
            let known = model.range(from.clone()..).next();
            assert!(known.is_none_or(|(key, value)| engine.get(key).unwrap().as_ref() == Some(value)));
        }
        engine.close().unwrap();
    }
}

/// A key of an index or of what is beside it, with long and short beginnings that keys have in common.
fn index_key(random: &mut Random, number: u16) -> Vec<u8> {
    let kind = b"ghhhiscctttuv"[random.below(13) as usize];
    let common: &[u8] = if number.is_multiple_of(3) { &[] } else { &[7; 12] };
    [&[kind], common, &number.to_be_bytes()[..]].concat()
}

pub fn values_of_64_kib_come_back<T: Subject>() {
    let root = tempfile::tempdir().unwrap();
    let big = |n: u8| vec![n; 65_535];
    let engine = open::<T>(&root);
    for n in 0..64 {
        engine.apply(put([(vec![n], big(n))])).unwrap();
        engine.sync().unwrap();
    }
    assert!(engine.size_on_disk().unwrap() > 64 * 65_535);
    engine.close().unwrap();
    let engine = open::<T>(&root);
    for n in 0..64 {
        assert_eq!(engine.get(&[n]).unwrap(), Some(big(n)));
    }
}

pub fn a_store_open_elsewhere_is_busy_and_free_again_at_once_after_close<T: Subject>() {
    let root = tempfile::tempdir().unwrap();
    let engine = open::<T>(&root);
    for _ in 0..20 {
        let error = T::Engine::open(root.path(), &root.path().join("aside")).unwrap_err();
        assert!(matches!(error, EngineError::Io(error) if error.kind() == ErrorKind::WouldBlock));
    }
    engine.close().unwrap();
    for n in 0..20 {
        let engine = open::<T>(&root);
        fill::<T>(&engine, 100, n);
        engine.close().unwrap();
    }
    let engine = open::<T>(&root);
    drop(engine);
    let engine = open::<T>(&root);
    assert!(engine.size_on_disk().unwrap() > 0);
}

pub fn many_threads_read_while_one_writes<T: Subject>() {
    let root = tempfile::tempdir().unwrap();
    let engine = open::<T>(&root);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for n in 0..2000 {
                    let found = engine.get(&key(n % 500)).unwrap();
                    assert!(found.is_none_or(|found| (0..7).any(|v| found == value(n % 500, v))));
                }
                all::<T>(&engine, true).unwrap();
            });
        }
        fill::<T>(&engine, 1500, 3);
    });
    engine.close().unwrap();
}
