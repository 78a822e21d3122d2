//! The engine suite on redb.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::{Path, PathBuf};

use opledger_embedded::engine::{Engine, EngineError};
use opledger_engine_testkit::Subject;
use opledger_engine_testkit::entries::{all, fill, key, put, value};
use opledger_engine_testkit::files::{contents, write_files};
use opledger_redb::{RedbEngine, preserve};

struct Redb;

impl Subject for Redb {
    type Engine = RedbEngine;

    /// Only when it repairs its file.
    const VERIFIES: bool = false;

    const SPREADS: bool = false;

    fn is_log(path: &Path) -> bool {
        path.ends_with("db.redb")
    }

    fn kept(dir: &Path, aside: &Path, before: &[(PathBuf, Vec<u8>)]) -> &'static str {
        let copy = dir.join("../copy");
        write_files(&copy, &contents(dir));
        preserve::restore(aside, &copy).unwrap();
        if contents(&copy) == before { "restored-exactly" } else { "restored-DIFFERENT" }
    }

    /// A file that is cut short does not open at all.
    fn lose_tail(_dir: &Path) -> bool {
        false
    }
}

opledger_engine_testkit::engine_tests!(crate::Redb);

const SLOTS: [usize; 2] = [64, 192];
/// In a slot: the number of its commit.
const COMMIT: usize = 104;

fn open(dir: &Path) -> Result<RedbEngine, EngineError> {
    RedbEngine::open(dir, &dir.join("../aside"))
}

/// A store as a killed process leaves it: its file, with the mark that it is in use.
fn killed(root: &Path) -> PathBuf {
    let (made, dir) = (root.join("made/redb"), root.join("killed/redb"));
    fs::create_dir_all(&made).unwrap();
    let engine = open(&made).unwrap();
    fill::<Redb>(&engine, 500, 1);
    engine.sync().unwrap();
    engine.apply(put([(key(9000), value(9000, 0))])).unwrap();
    engine.sync().unwrap();
    write_files(&dir, &contents(&made));
    engine.close().unwrap();
    dir
}

/// A batch that was applied and not synced is in no file: redb keeps it in memory.
#[test]
fn what_was_not_synced_is_gone_after_a_kill_and_there_after_close() {
    let root = tempfile::tempdir().unwrap();
    let (made, dir) = (root.path().join("made/redb"), root.path().join("killed/redb"));
    fs::create_dir_all(&made).unwrap();
    let engine = open(&made).unwrap();
    engine.apply(put([(b"synced".to_vec(), vec![1])])).unwrap();
    engine.sync().unwrap();
    engine.apply(put([(b"applied".to_vec(), vec![1])])).unwrap();
    assert_eq!(engine.get(b"applied").unwrap(), Some(vec![1]));
    write_files(&dir, &contents(&made));
    engine.close().unwrap();
    assert_eq!(open(&made).unwrap().get(b"applied").unwrap(), Some(vec![1]));
    let engine = open(&dir).unwrap();
    assert_eq!((engine.get(b"synced").unwrap(), engine.get(b"applied").unwrap()), (Some(vec![1]), None));
}

/// redb goes back one commit where the last one is not whole, and writes over it.
#[test]
fn a_torn_commit_is_undone_and_what_repair_overwrites_can_be_put_back() {
    let root = tempfile::tempdir().unwrap();
    let dir = killed(root.path());
    let file = dir.join("db.redb");
    let mut bytes = fs::read(&file).unwrap();
    let commit = |slot: usize| u64::from_le_bytes(bytes[slot + COMMIT..slot + COMMIT + 8].try_into().unwrap());
    let last = SLOTS.into_iter().max_by_key(|slot| commit(*slot)).unwrap();
    bytes[last + 40] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let before = contents(&dir);
    let engine = open(&dir).unwrap();
    assert_eq!(engine.get(&key(9000)).unwrap(), None, "the commit was not undone");
    assert!(all::<Redb>(&engine, false).unwrap().len() >= 500);
    let aside = dir.join("../aside");
    assert_eq!(Redb::kept(&dir, &aside, &before), "restored-exactly");
}

/// After a crash one damaged page keeps redb from opening its file; the file stays as it was.
#[test]
fn a_damaged_page_after_a_crash_refuses_the_file_and_changes_nothing() {
    let root = tempfile::tempdir().unwrap();
    let dir = killed(root.path());
    let file = dir.join("db.redb");
    let mut bytes = fs::read(&file).unwrap();
    let found = |bytes: &[u8]| bytes.windows(20).position(|window| window == &value(7, 0)[..20]);
    assert!(found(&bytes).is_some());
    // Pages that are no longer in the tree have it, too.
    while let Some(place) = found(&bytes) {
        bytes[place + 10] ^= 1;
    }
    fs::write(&file, &bytes).unwrap();
    assert!(matches!(open(&dir), Err(EngineError::Corrupt(_))));
    assert!(fs::read(&file).unwrap() == bytes, "a failed opening changed the file");
    assert!(!dir.join("../aside").exists());
}

/// redb makes an empty store of an empty file.
#[test]
fn an_emptied_file_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let dir = killed(root.path());
    fs::write(dir.join("db.redb"), "").unwrap();
    assert!(matches!(open(&dir), Err(EngineError::Corrupt(_))));
}

#[test]
fn the_room_of_what_was_removed_is_given_back() {
    opledger_engine_testkit::contract::the_room_of_what_was_removed_is_given_back::<Redb>(|_| true);
}
