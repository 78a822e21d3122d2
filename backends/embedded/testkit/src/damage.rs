//! Stores with a flipped byte, or cut short: no panic gets out, nothing hangs, nothing wrong is read.
//! Each case runs in a process of its own. `OPLEDGER_HUNT=N` runs N flips and N cuts a store instead of a few.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use opledger_embedded::engine::{Engine, EngineError};

use crate::Subject;
use crate::child::{again, finish};
use crate::entries::{all, fill, key, put, value};
use crate::files::{contents, stem, trim, write_files};
use crate::random::Random;

const ENTRIES: u64 = 3000;

type Store = Vec<(PathBuf, Vec<u8>)>;

/// A flipped bit, or a cut, in one of a store's files.
struct Harm {
    at: usize,
    place: usize,
    cut: bool,
}

impl Harm {
    fn done_to(&self, store: &Store) -> Store {
        let mut store = store.clone();
        let bytes = &mut store[self.at].1;
        if self.cut {
            bytes.truncate(self.place);
        } else {
            bytes[self.place] ^= 1 << (self.place % 8);
        }
        store
    }
}

fn entries(kind: &str) -> u64 {
    match kind {
        "small" => 40,
        "large" => ENTRIES * 10,
        _ => ENTRIES,
    }
}

/// Opens the store in `DIR`, tells what it found in one line.
pub fn child<T: Subject>() {
    let Ok(dir) = std::env::var("CASE_DIR") else { return };
    let dir = PathBuf::from(dir);
    if let Ok(kind) = std::env::var("CASE_MAKE") {
        let engine = T::Engine::open(&dir, &dir.join("../aside-make")).unwrap();
        fill::<T>(&engine, entries(&kind) / 2, 7);
        if kind != "killed" {
            engine.close().unwrap();
            let engine = T::Engine::open(&dir, &dir.join("../aside-make")).unwrap();
            fill::<T>(&engine, entries(&kind), 8);
            engine.close().unwrap();
        } else {
            fill::<T>(&engine, entries(&kind), 8);
            std::process::abort();
        }
        println!("made");
        return;
    }
    println!("outcome {}", examine::<T>(&dir, entries(&std::env::var("CASE_KIND").unwrap())));
}

fn examine<T: Subject>(dir: &Path, count: u64) -> String {
    let before = contents(dir);
    let aside = dir.join("../aside");
    let engine = match T::Engine::open(dir, &aside) {
        Ok(engine) => engine,
        Err(error) => {
            let kind = if matches!(error, EngineError::Corrupt(_)) { "corrupt" } else { "io" };
            let same = if contents(dir) == before { "kept-as-found" } else { "CHANGED" };
            return format!("open-{kind} {same} ({error})");
        }
    };
    let kept = if aside.exists() { T::kept(dir, &aside, &before) } else { "none-kept" };
    let found = if engine.found().is_empty() { "unnoticed" } else { "noticed" };
    let mut point = 0;
    let mut missing = Vec::new();
    for n in 0..count {
        match engine.get(&key(n)) {
            Ok(Some(bytes)) if (0..7).any(|v| bytes == value(n, v)) => {}
            Ok(Some(_)) if T::VERIFIES => return "WRONG value".to_owned(),
            Ok(Some(_)) => point += 1,
            Ok(None) => missing.push(n),
            Err(_) => point += 1,
        }
    }
    let mut scans = 0;
    for reverse in [false, true] {
        match all::<T>(&engine, reverse) {
            Ok(pairs) if pairs.len() + missing.len() + point != count as usize && point == 0 => {
                // A tree put together from a log with a hole; only where that was told.
                return format!("missing-inside scans-and-gets-differ {found} {kept}");
            }
            Ok(_) => {}
            Err(_) => scans += 1,
        }
    }
    // It goes on working, or says that it does not.
    let mut later = String::from("writes");
    let wrote = (0..20).try_for_each(|i| {
        engine.apply(put((0..30).map(|j| (key(1_000_000 + i * 30 + j), value(i * 30 + j, 0)))))?;
        if i % 5 == 0 { engine.sync() } else { Ok(()) }
    });
    let closed = engine.close();
    if wrote.is_err() || closed.is_err() {
        later = format!(
            "refuses-writes ({:?} {:?})",
            wrote.err().map(|e| e.to_string()),
            closed.err().map(|e| e.to_string())
        );
    } else {
        match T::Engine::open(dir, &dir.join("../aside2")) {
            Ok(engine) => {
                for n in 0..600 {
                    match engine.get(&key(1_000_000 + n)) {
                        Ok(Some(bytes)) if bytes == value(n, 0) => {}
                        Ok(_) => later = "LOST-later-writes".to_owned(),
                        Err(_) => later = "unreadable-later-writes".to_owned(),
                    }
                }
            }
            Err(error) => later = format!("reopen-fails ({error})"),
        }
    }
    let lost = if missing.is_empty() && point == 0 {
        "complete".to_owned()
    } else if missing.is_empty() {
        "unreadable".to_owned()
    } else {
        let tail = missing.first().is_some_and(|first| count - first == missing.len() as u64);
        format!("missing{}", if tail { "-tail" } else { "-inside" })
    };
    let reads = match (point, scans) {
        (0, 0) => "reads",
        (_, 0) => "gets-fail",
        (0, _) => "scans-fail",
        _ => "gets-and-scans-fail",
    };
    format!("{lost} {reads} {found} {later} {kept}")
}

fn make(kind: &str, root: &Path) -> Store {
    let dir = root.join(format!("make-{kind}"));
    std::fs::create_dir_all(&dir).unwrap();
    let child = again("damage::child", &[("CASE_DIR", dir.to_str().unwrap()), ("CASE_MAKE", kind)]);
    finish(child, Duration::from_secs(60)).expect("making a store hangs");
    trim(&dir);
    contents(&dir)
}

pub fn damaged_stores_neither_panic_nor_hang<T: Subject>() {
    let hunt: Option<u64> = std::env::var("OPLEDGER_HUNT").ok().map(|n| n.parse().unwrap());
    let seed = std::env::var("OPLEDGER_SEED").map_or(42, |n| n.parse().unwrap());
    let root = tempfile::tempdir().unwrap();
    let mut cases: Vec<(String, &str, Arc<Store>, Option<Harm>)> = Vec::new();
    let mut random = Random(seed);
    let kinds = ["closed", "killed", "small", "large"];
    for kind in kinds.into_iter().filter(|kind| *kind != "large" || T::SPREADS) {
        let store = Arc::new(make(kind, root.path()));
        cases.push((format!("{kind} untouched"), kind, Arc::clone(&store), None));
        for (at, (path, bytes)) in store.iter().enumerate().filter(|(_, (_, bytes))| !bytes.is_empty()) {
            let name = stem(path);
            let few = match kind {
                "large" => 2,
                _ if T::is_log(path) => 10,
                _ => 2,
            };
            for _ in 0..hunt.map_or(few, |n| if T::is_log(path) { n } else { n / 5 }) {
                let mut place = || random.below(bytes.len() as u64) as usize;
                let (flip, cut) = (Harm { at, place: place(), cut: false }, Harm { at, place: place(), cut: true });
                cases.push((format!("{kind} flip {name}"), kind, Arc::clone(&store), Some(flip)));
                cases.push((format!("{kind} cut {name}"), kind, Arc::clone(&store), Some(cut)));
            }
        }
    }
    let queue = std::sync::Mutex::new(cases.into_iter().enumerate());
    let counts = std::sync::Mutex::new(BTreeMap::<String, usize>::new());
    let bad = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some((number, (what, kind, store, harm))) = queue.lock().unwrap().next() else { return };
                    let place = root.path().join(number.to_string());
                    let dir = place.join("store");
                    let store = harm.map_or_else(|| (*store).clone(), |harm| harm.done_to(&store));
                    write_files(&dir, &store);
                    let child = again("damage::child", &[("CASE_DIR", dir.to_str().unwrap()), ("CASE_KIND", kind)]);
                    let (outcome, noise) = match finish(child, Duration::from_secs(90)) {
                        None => ("HANG".to_owned(), String::new()),
                        Some((ok, out, err)) => {
                            let line = out
                                .lines()
                                .find_map(|line| line.split_once("outcome "))
                                .map(|(_, rest)| rest.to_owned());
                            (line.filter(|_| ok).unwrap_or_else(|| "ABORT or escaped panic".to_owned()), err)
                        }
                    };
                    let class = outcome.split(" (").next().unwrap().to_owned();
                    *counts.lock().unwrap().entry(format!("{what}: {class}")).or_default() += 1;
                    let wrong = ["HANG", "ABORT", "WRONG", "LOST", "CHANGED", "STRANGE"];
                    let silent = T::VERIFIES && outcome.contains("missing-inside") && outcome.contains("unnoticed");
                    if silent || wrong.iter().any(|word| outcome.contains(word)) || noise.contains("panicked at") {
                        bad.lock().unwrap().push(format!("{number} {what}: {outcome}\n{noise}"));
                        if let Ok(keep) = std::env::var("OPLEDGER_HUNT_KEEP") {
                            write_files(&Path::new(&keep).join(format!("{}-{number}", what.replace(' ', "-"))), &store);
                        }
                    }
                    if std::env::var("OPLEDGER_HUNT_LOG").is_ok() {
                        println!("{what}: {outcome}");
                    }
                    std::fs::remove_dir_all(&place).unwrap();
                }
            });
        }
    });
    for (class, count) in counts.lock().unwrap().iter() {
        println!("{count:6} {class}");
        if class.contains("untouched") {
            let whole = if class.starts_with("killed") { ["missing-tail", "complete"] } else { ["complete"; 2] };
            let whole = whole.map(|whole| format!(": {whole} reads unnoticed writes"));
            assert!(whole.iter().any(|whole| class.contains(whole)), "{class}");
        }
    }
    let bad = bad.into_inner().unwrap();
    assert!(bad.is_empty(), "{} bad outcomes:\n{}", bad.len(), bad.join("\n"));
}
