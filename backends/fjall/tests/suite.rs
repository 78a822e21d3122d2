//! The engine suite on fjall.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::{Path, PathBuf};

use opledger_embedded::engine::{Batch, Engine, EngineError};
use opledger_engine_testkit::Subject;
use opledger_engine_testkit::entries::{key, put, value};
use opledger_engine_testkit::files::{contents, files, trim, write_files};
use opledger_fjall::FjallEngine;

struct Fjall;

impl Subject for Fjall {
    type Engine = FjallEngine;

    const VERIFIES: bool = true;

    const SPREADS: bool = true;

    fn is_log(path: &Path) -> bool {
        path.extension().is_some_and(|ending| ending == "jnl")
    }

    /// What was cut off a journal is the end of what it was.
    fn kept(_dir: &Path, aside: &Path, before: &[(PathBuf, Vec<u8>)]) -> &'static str {
        for kept in files(aside) {
            let name = kept.to_str().unwrap();
            let (journal, place) = name.split_once(".from-").unwrap();
            let (_, was) = before.iter().find(|(path, _)| path.ends_with(journal)).unwrap();
            let rest = &was[place.parse::<usize>().unwrap()..];
            let bytes = fs::read(aside.join(&kept)).unwrap();
            if !rest.starts_with(&bytes) || rest[bytes.len()..].iter().any(|byte| *byte != 0) {
                return "kept-STRANGE";
            }
        }
        "kept-exactly"
    }

    fn lose_tail(dir: &Path) -> bool {
        let journal = dir.join("db/0.jnl");
        let length = fs::metadata(&journal).unwrap().len();
        fs::OpenOptions::new().write(true).open(journal).unwrap().set_len(length * 3 / 4).unwrap();
        true
    }
}

opledger_engine_testkit::engine_tests!(crate::Fjall);

fn open(dir: &Path) -> Result<FjallEngine, EngineError> {
    FjallEngine::open(dir, &dir.join("../aside"))
}

fn made(root: &Path, entries: u64) -> PathBuf {
    let dir = root.join("fjall");
    fs::create_dir(&dir).unwrap();
    let engine = open(&dir).unwrap();
    for n in 0..entries {
        engine.apply(put([(key(n), value(n, 0))])).unwrap();
    }
    engine.close().unwrap();
    trim(&dir);
    dir
}

/// fjall takes a list of tables for good whatever its checksum says, and removes tables that are not in it.
#[test]
fn a_damaged_list_of_tables_removes_no_table() {
    let root = tempfile::tempdir().unwrap();
    let dir = made(root.path(), 20_000);
    let before = contents(&dir);
    let tables = before.iter().filter(|(path, _)| path.starts_with("db/keyspaces/1/tables")).count();
    assert!(tables > 0, "the store has no table yet");
    let lists = before.iter().filter(|(path, _)| {
        path.parent().is_some_and(|folder| folder.ends_with("keyspaces/1")) && !path.ends_with("current")
    });
    let (list, bytes) = lists.max_by_key(|(path, _)| path.to_string_lossy().len()).unwrap();
    for place in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[place] ^= 0x81;
        fs::write(dir.join(list), flipped).unwrap();
        let error = open(&dir).map(|_| ()).unwrap_err();
        assert!(matches!(error, EngineError::Corrupt(_)), "byte {place}: {error}");
    }
    fs::write(dir.join(list), bytes).unwrap();
    assert!(contents(&dir) == before, "something else changed");
    assert_eq!(open(&dir).unwrap().get(&key(1)).unwrap(), Some(value(1, 0)));
}

/// Of entries with one key in one batch fjall keeps any.
#[test]
fn the_last_of_many_entries_of_a_key_wins() {
    let root = tempfile::tempdir().unwrap();
    let dir = made(root.path(), 0);
    let engine = open(&dir).unwrap();
    for turn in 0..100_u8 {
        let entry = |n: u8| (b"key".to_vec(), (n % 3 != 1).then(|| vec![n]));
        engine.apply(Batch { entries: (0..=turn).map(entry).collect() }).unwrap();
        assert_eq!(engine.get(b"key").unwrap(), entry(turn).1);
    }
}

/// A process that ends while fjall makes its files leaves some that fjall would not open.
#[test]
fn a_making_that_was_stopped_is_begun_anew() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("fjall");
    write_files(&dir, &[("db.new/0.jnl".into(), Vec::new()), ("db.new/keyspaces/0/v0".into(), vec![0])]);
    let engine = open(&dir).unwrap();
    engine.apply(put([(key(1), value(1, 0))])).unwrap();
    engine.close().unwrap();
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
}

/// fjall takes a store without this file for a new one.
#[test]
fn a_store_without_its_version_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let dir = made(root.path(), 10);
    fs::remove_file(dir.join("db/version")).unwrap();
    assert!(matches!(open(&dir), Err(EngineError::Corrupt(_))));
}

/// The journal stays until it is full: it has up to 64 MB of what was written last.
#[test]
fn the_room_of_what_was_removed_is_given_back() {
    opledger_engine_testkit::contract::the_room_of_what_was_removed_is_given_back::<Fjall>(|path| {
        path.extension().is_none_or(|kind| kind != "jnl")
    });
}
