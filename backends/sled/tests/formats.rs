//! Opens stores that were written by every format there was: `formats/N.store` holds the entries of one, a line each, and
//! `formats/N.rows` what must be read from them.
//!
//! A release that changes the format adds its own two files, by `OPLEDGER_FORMATS=write cargo test -p opledger-sled --test
//! formats`, and never touches those that are there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fmt::Write;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use opledger::blocking::Tracker;
use opledger::store::{Record, Scan};
use opledger::{Additions, Metadata, NewOperation, Position, Scope};
use opledger_embedded::engine::{Batch, Engine};
use opledger_engine_testkit::store::{scan_all, tenant};
use opledger_sled::{Options, SledEngine, SledStore};

/// The format that this release writes.
const CURRENT: &str = "2";

#[test]
fn stores_of_every_format_open() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats");
    if std::env::var("OPLEDGER_FORMATS").is_ok_and(|word| word == "write") {
        write(&folder.join(CURRENT));
    }
    let mut stores: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    stores.retain(|path| path.extension().is_some_and(|ending| ending == "store"));
    assert!(stores.contains(&folder.join(format!("{CURRENT}.store"))), "{stores:?}");
    for stored in stores {
        let dir = tempfile::tempdir().unwrap();
        let engine = engine(dir.path());
        let entries = fs::read_to_string(&stored).unwrap().lines().map(entry).collect();
        engine.apply(Batch { entries }).unwrap();
        engine.close().unwrap();
        let tracker = open(dir.path());
        assert_eq!(rows(&tracker), fs::read_to_string(stored.with_extension("rows")).unwrap(), "{stored:?}");
        assert!(tracker.for_all().verify().unwrap().is_sound(), "{stored:?}");
        // It goes on from there.
        assert!(tracker.track_operation("one more", "MANUAL").unwrap().complete().unwrap().is_recorded());
        assert!(tracker.for_all().verify().unwrap().is_sound(), "{stored:?}");
    }
}

#[test]
fn a_format_from_the_future_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    // A whole record: format 9, and the checksum of that byte.
    let crc = crc32fast::hash(&[9]).to_le_bytes();
    let record = [&[9], &crc[..]].concat();
    engine.apply(Batch { entries: vec![(b"m".to_vec(), Some(record))] }).unwrap();
    engine.close().unwrap();
    let error = SledStore::open(dir.path(), Options::default()).unwrap_err();
    assert!(error.message().contains("format is 9") && error.message().contains("later"), "{error}");
}

fn open(dir: &Path) -> Tracker<SledStore> {
    Tracker::new(SledStore::open(dir, Options::default()).unwrap())
}

fn engine(dir: &Path) -> SledEngine {
    let files = dir.join("sled");
    fs::create_dir_all(&files).unwrap();
    SledEngine::open(&files, &dir.join("aside")).unwrap()
}

fn entry(line: &str) -> (Vec<u8>, Option<Vec<u8>>) {
    let (key, value) = line.split_once(' ').unwrap();
    (bytes(key), Some(bytes(value)))
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// All that the store says, in the order of its log.
fn rows(tracker: &Tracker<SledStore>) -> String {
    let mut text = String::new();
    for record in scan_all(tracker.inner().store(), Scope::All, Scan::Log { after: Position::START }) {
        let Record::Entry(entry) = record else { continue };
        let (hub, version) = (entry.hub.unwrap(), entry.version);
        let owner = hub.tenant.map_or_else(|| "system".to_owned(), |tenant| tenant.to_string());
        writeln!(
            text,
            "{} | {} | {} {} | {} | {} {} | {} | {} | {}",
            version.position,
            hub.script_execution_bk,
            hub.load_date,
            hub.record_source,
            owner,
            version.load_date,
            version.record_source,
            hex(&version.unit.0),
            version.hash_diff,
            version.attributes.canonical(),
        )
        .unwrap();
    }
    text
}

/// Writes a store of the current format that has a record of every kind.
fn write(path: &Path) {
    let dir = tempfile::tempdir().unwrap();
    let tracker = open(dir.path());
    let metadata = |text| Additions { metadata: Some(Metadata::parse(text).unwrap()), ..Additions::default() };
    let new = NewOperation::new("backup").script_type("BACKUP").object("crm.orders").user("etl");
    let mut handle = tracker.start(new.metadata(Metadata::parse(r#"{"host":"db-1"}"#).unwrap())).unwrap();
    handle.annotate(metadata(r#"{"rows":1e5}"#)).unwrap();
    handle.complete().unwrap();
    let theirs = tracker.for_tenant(tenant("one"));
    theirs.start(NewOperation::new("größer").sql_command("select 1; ".repeat(1000))).unwrap().fail("boom").unwrap();
    drop(theirs.track_operation("still running", "MANUAL").unwrap());
    tracker.for_all().verify().unwrap();
    fs::write(path.with_extension("rows"), rows(&tracker)).unwrap();
    tracker.close().unwrap();
    drop((tracker, theirs));
    let engine = engine(dir.path());
    let mut lines = String::new();
    engine
        .range(&[0], &[255], false, &mut |key, value| {
            writeln!(lines, "{} {}", hex(key), hex(value)).unwrap();
            ControlFlow::Continue(())
        })
        .unwrap();
    engine.close().unwrap();
    fs::write(path.with_extension("store"), lines).unwrap();
}
