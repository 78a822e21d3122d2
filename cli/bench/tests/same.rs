//! The comparison is fair: same content, same figures, whatever it is stored in.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use opledger::Timestamp;
use opledger::store::{Change, Unit};
use opledger_bench::ledger::{Figures, Ledger, Ours, now};
use opledger_bench::subject::{Engine, Subject, open_embedded};
use opledger_bench::{content, fill};
use opledger_memory::MemoryStore;

fn said(unit: &Unit) -> usize {
    let state = match &unit.change {
        Change::Start { first, .. } => first,
        Change::Append { next, .. } => next,
        other => panic!("{other:?} is not what a pair is made of"),
    };
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let of = &state.attributes;
    let objects: usize = of.affected_objects.iter().flatten().map(text).sum();
    let metadata = of.metadata.as_ref().map_or(0, |metadata| metadata.as_str().len());
    let texts = [&of.db_session_user, &of.sql_command, &of.error_message].map(text).iter().sum::<usize>();
    of.script_name.len() + of.script_type.len() + texts + objects + metadata
}

#[test]
fn a_pair_says_about_830_bytes() {
    let bytes: usize = (0..1000)
        .map(|n| {
            let (start, operation) = content::start(n, Timestamp::from_micros(1_700_000_000_000_000)).unwrap();
            said(&start) + said(&content::finish(n, &operation).unwrap())
        })
        .sum();
    assert!((800..870).contains(&(bytes / 1000)), "{} bytes a pair", bytes / 1000);
}

#[test]
fn every_operation_has_its_number() {
    for n in [0, 7, 123_456] {
        let said = content::attributes(n, now()).unwrap();
        assert_eq!(content::number(said.sql_command.as_deref()), Some(n));
    }
    assert_eq!(content::number(Some("SELECT 1")), None);
}

/// Every reader of the same filled month gives the same figures, finds the same operations, and removes the same.
#[test]
fn every_ledger_shows_the_same() {
    let at = now();
    let month = |ledger: &dyn Ledger| {
        fill::fill(ledger, 3000, at).unwrap();
        let reader = ledger.reader().unwrap();
        let figures = Figures { p95_ms: None, ..reader.figures(at).unwrap() };
        let p95 = reader.figures(at).unwrap().p95_ms.unwrap();
        let history = reader.history(100).unwrap();
        (figures, p95, history, reader.cleanup(3).unwrap())
    };
    let memory = Ours::new(MemoryStore::new());
    let (figures, p95, history, removed) = month(&memory);
    assert!(figures.total == 3000 && figures.running == 3 && figures.stale == 2 && figures.ddl > 0, "{figures:?}");
    assert!(history == 100 && removed > 2600, "{history} {removed}");

    let stores = Engine::ALL.map(|engine| Subject::Store(engine.name().to_owned()));
    let readers = stores.into_iter().chain(Engine::ALL.map(Subject::Plain)).chain(Subject::beside());
    for subject in readers {
        let dir = tempfile::tempdir().unwrap();
        let ledger = subject.open(dir.path(), false, &open_embedded).unwrap();
        if ledger.reader().is_some() {
            let (same, exact, rows, gone) = month(&*ledger);
            assert_eq!((same, rows, gone), (figures, history, removed), "{}", subject.name());
            // Ours round it down to seven bits.
            assert!((p95..=p95 + p95 / 64).contains(&exact), "{}: {p95} {exact}", subject.name());
        }
        ledger.close().unwrap();
    }
}
