//! The engine suite on sled.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use opledger_embedded::engine::Engine;
use opledger_engine_testkit::Subject;
use opledger_engine_testkit::entries::put;
use opledger_engine_testkit::files::{contents, write_files};
use opledger_sled::{SledEngine, preserve};

struct Sled;

impl Subject for Sled {
    type Engine = SledEngine;

    const VERIFIES: bool = true;

    const SPREADS: bool = false;

    fn is_log(path: &Path) -> bool {
        path.ends_with("db")
    }

    fn kept(dir: &Path, aside: &Path, before: &[(PathBuf, Vec<u8>)]) -> &'static str {
        if !aside.join("parts").exists() {
            return "none-kept";
        }
        let copy = dir.join("../copy");
        fs::create_dir_all(copy.join("blobs")).unwrap();
        write_files(&copy, &contents(dir));
        preserve::restore(aside, &copy).unwrap();
        let now = contents(&copy);
        if now == before {
            return "restored-exactly";
        }
        // Only segments without live pages may differ, and then they are empty now.
        let old: BTreeMap<_, _> = before.iter().cloned().collect();
        let strange = now.iter().any(|(path, bytes)| match old.get(path) {
            Some(was) if path.as_os_str() == "db" => {
                was.len() != bytes.len()
                    || was.chunks(4096).zip(bytes.chunks(4096)).any(|(a, b)| a != b && b.iter().any(|x| *x != 0))
            }
            Some(was) => was != bytes,
            None => true,
        });
        if strange { "restored-STRANGE" } else { "restored-but-dead" }
    }

    fn lose_tail(dir: &Path) -> bool {
        let db = dir.join("db");
        let bytes = fs::read(&db).unwrap();
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
        fs::write(&db, &bytes[..used * 3 / 4]).unwrap();
        true
    }
}

opledger_engine_testkit::engine_tests!(crate::Sled);

#[test]
fn pages_of_over_128_kib_go_to_blobs_and_are_counted() {
    let root = tempfile::tempdir().unwrap();
    let engine = SledEngine::open(root.path(), &root.path().join("aside")).unwrap();
    for n in 0..64 {
        engine.apply(put([(vec![n], vec![n; 65_535])])).unwrap();
        engine.sync().unwrap();
    }
    let blobs = fs::read_dir(root.path().join("blobs")).unwrap().count();
    assert!(blobs > 0, "sled changed: pages over 128 KiB went to blobs");
    assert!(engine.size_on_disk().unwrap() > 64 * 65_535);
}

/// The place of the log up to which opening need not read: the name of the snapshot, of which there is one.
fn covered(dir: &Path) -> u64 {
    let names = contents(dir).into_iter().map(|(path, _)| path.to_string_lossy().into_owned());
    let snapshots: Vec<_> = names.filter_map(|name| Some(name.strip_prefix("snap.")?.to_owned())).collect();
    assert_eq!(snapshots.len(), 1, "{snapshots:?}");
    u64::from_str_radix(&snapshots[0], 16).unwrap()
}

/// sled writes its snapshot on opening, and read all that a session had written when it opened next: 1.5 s for a million operations.
#[test]
fn a_session_that_wrote_much_leaves_a_snapshot_of_it() {
    let root = tempfile::tempdir().unwrap();
    let (dir, aside) = (root.path().join("sled"), root.path().join("aside"));
    fs::create_dir_all(&dir).unwrap();
    let engine = SledEngine::open(&dir, &aside).unwrap();
    let megabyte = |n: u8| put((0..128_u8).map(|part| (vec![n, part], vec![n; 8000])));
    (0..20).for_each(|n| engine.apply(megabyte(n)).unwrap());
    engine.close().unwrap();
    assert!(covered(&dir) >= 20_000_000);
    assert!(!aside.exists());
    let engine = SledEngine::open(&dir, &aside).unwrap();
    assert!(engine.found().is_empty());
    assert!((0..20).all(|n| engine.get(&[n, 127]).unwrap() == Some(vec![n; 8000])));
    // Little was written: the next opening reads it at once, and closing is quick.
    let before = covered(&dir);
    engine.apply(put([(b"one more".to_vec(), vec![1])])).unwrap();
    engine.close().unwrap();
    assert_eq!(covered(&dir), before);
}

/// A segment that served before ends in bytes of then. They were taken for the torn end of a log: no snapshot was written after about
/// every second session, and the next opening read all.
#[test]
fn a_session_that_used_segments_again_leaves_a_snapshot_too() {
    let root = tempfile::tempdir().unwrap();
    let (dir, aside) = (root.path().join("sled"), root.path().join("aside"));
    fs::create_dir_all(&dir).unwrap();
    let mut before = 0;
    for session in 0..8_u8 {
        let engine = SledEngine::open(&dir, &aside).unwrap();
        (0..20_u8)
            .for_each(|n| engine.apply(put((0..128_u8).map(|part| (vec![n, part], vec![session; 8000])))).unwrap());
        engine.close().unwrap();
        let now = covered(&dir);
        assert!(now >= before + 20_000_000, "session {session}: {before}, then {now}");
        before = now;
    }
    let size = fs::metadata(dir.join("db")).unwrap().len();
    assert!(size < before / 2, "no segment was used again: {size} bytes for {before}");
}
