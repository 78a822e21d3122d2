//! Flips bytes in the files of a store, and cuts files short, and opens it: no damage may go unnoticed.
//!
//! For each case a child process opens a damaged copy, verifies it, reads everything and reports; the parent judges:
//! - sound: what is there equals the original;
//! - else something names it: a loss, findings of `verify`, or an XX001 error on opening with the files kept aside;
//! - silent (something differs, and nothing says so), a panic, a hang, another error: the test fails.
//!
//! `OPLEDGER_DAMAGE_FLIPS` sets the flips per file (sixfold for an engine's log), `OPLEDGER_DAMAGE_SEED` where.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use opledger::blocking::Tracker;
use opledger::intent::Intent;
use opledger::store::{Record, Scan};
use opledger::{Additions, ErrorKind, Hash, Metadata, NewOperation, Outcome, Position, Scope, Store};
use opledger_embedded::engine::Engine;
use opledger_embedded::{Durability, EmbeddedStore, Inbox, Options};

use crate::Subject;
use crate::child::again;
use crate::files::{contents, copy, files, stem, trim};
use crate::random::{Random, number};
use crate::store::{TYPES, open, options, scan_all, tenant};

const LIMIT: Duration = Duration::from_secs(60);

/// 150 operations of the system and two tenants, and three intents that wait in the inbox.
fn build<T: Subject>(tracker: &Tracker<EmbeddedStore<T::Engine>>) {
    for turn in 0..150_u64 {
        let tracker = match turn % 3 {
            0 => tracker.clone(),
            1 => tracker.for_tenant(tenant("one")),
            _ => tracker.for_tenant(tenant("two")),
        };
        let new = NewOperation::new(format!("work {turn}")).script_type(TYPES[(turn % 4) as usize]);
        let new = if turn % 40 == 7 { new.sql_command("select 1; ".repeat(11_000)) } else { new };
        let mut handle = tracker.start(new).unwrap();
        if turn % 4 == 1 {
            let metadata = Some(Metadata::parse(&format!(r#"{{"turn": {turn}}}"#)).unwrap());
            handle.annotate(Additions { metadata, ..Additions::default() }).unwrap();
        }
        match turn % 5 {
            0 => {}
            1 => assert!(handle.fail(format!("number {turn} broke")).unwrap().is_recorded()),
            _ => assert!(handle.complete().unwrap().is_recorded()),
        }
    }
}

fn leave_intents<T: Subject>(dir: &Path) {
    let elsewhere = tempfile::tempdir().unwrap();
    let maker = open::<T>(elsewhere.path());
    let inbox = Inbox::at(dir);
    for name in ["left", "left, too"] {
        let start = Intent::Start(maker.inner().start_intent(NewOperation::new(name)).unwrap());
        inbox.put(&start).unwrap();
        if name == "left" {
            let finish = maker.inner().finish_intent(start.operation(), Outcome::Success, Additions::default());
            inbox.put(&finish.unwrap()).unwrap();
        }
    }
}

/// Not a test by itself: builds a store and waits to be killed.
pub fn child_builder<T: Subject>() {
    let Ok(dir) = std::env::var("OPLEDGER_BUILD_DIR") else { return };
    let tracker = open::<T>(Path::new(&dir));
    build::<T>(&tracker);
    println!("built");
    std::thread::sleep(Duration::from_secs(600));
}

/// What can be read, whatever is damaged.
fn read<S: Store>(store: &S) -> opledger::Result<(BTreeMap<Hash, String>, usize)> {
    let mut found: BTreeMap<Hash, String> = BTreeMap::new();
    let mut damaged = 0;
    let mut next = Some(Scan::Operations { after: None });
    while let Some(scan) = next {
        let page = pollster::block_on(store.scan(Scope::All, &scan, 100))?;
        damaged += page.damaged.len();
        for record in page.records {
            let Record::Operation(operation) = record else { continue };
            let hk = operation.hub.script_execution_hk;
            let mut text = format!("{operation:?}");
            let mut next = Some(Scan::Versions { operation: hk, after: None });
            while let Some(scan) = next {
                let page = pollster::block_on(store.scan(Scope::All, &scan, 100))?;
                damaged += page.damaged.len();
                page.records.iter().for_each(|record| text.push_str(&format!("\n{record:?}")));
                next = page.next;
            }
            found.insert(hk, text);
        }
        next = page.next;
    }
    for scan in [Scan::HISTORY, Scan::Log { after: Position::START }] {
        let mut next = Some(scan);
        while let Some(scan) = next {
            let page = pollster::block_on(store.scan(Scope::All, &scan, 100))?;
            damaged += page.damaged.len();
            next = page.next;
        }
    }
    Ok((found, damaged))
}

/// Not a test by itself: opens one damaged store, and says what it sees.
pub fn child_reader<T: Subject>() {
    let Ok(dir) = std::env::var("OPLEDGER_READ_DIR") else { return };
    let report = report::<T>(Path::new(&dir));
    fs::write(Path::new(&dir).with_extension("report"), report).unwrap();
}

fn one_line(text: &str) -> String {
    text.replace('\n', " ")
}

fn report<T: Subject>(dir: &Path) -> String {
    let mut lines = Vec::new();
    match EmbeddedStore::<T::Engine>::open(dir, options(Durability::Immediate)) {
        Err(error) => lines.push(format!("open-error {} {}", error.kind().sqlstate(), one_line(&error.to_string()))),
        Ok(store) => {
            let tracker = Tracker::new(store).for_all();
            if let Some(loss) = tracker.inner().info().loss {
                lines.push(format!("loss {} {} {}", loss.operations, loss.versions, loss.after));
                let refused = tracker.track_operation("must not be", "MANUAL").map(|handle| handle.hash_key());
                assert_eq!(refused.unwrap_err().kind(), ErrorKind::Corrupt);
            }
            // The first read folds the inbox in, as any caller's would.
            match read(tracker.inner().store()) {
                Err(error) => {
                    lines.push(format!("read-error {} {}", error.kind().sqlstate(), one_line(&error.to_string())))
                }
                Ok((operations, damaged)) => {
                    lines.push(format!("damaged {damaged}"));
                    lines.extend(
                        operations.iter().map(|(hk, text)| format!("operation {hk} {}", opledger::hash_key(text))),
                    );
                }
            }
            match tracker.verify() {
                Err(error) => {
                    lines.push(format!("verify-error {} {}", error.kind().sqlstate(), one_line(&error.to_string())))
                }
                Ok(verification) => lines.extend(
                    verification
                        .findings
                        .iter()
                        .map(|damage| format!("finding {}: {}", damage.record, one_line(&damage.reason))),
                ),
            }
            if let Err(error) = tracker.close() {
                lines.push(format!("close-error {error}"));
            }
        }
    }
    lines.push("end".to_owned());
    lines.join("\n")
}

#[derive(Debug, Clone)]
struct Case {
    template: &'static str,
    file: PathBuf,
    at: u64,
    /// None cuts the file at the place.
    flip: Option<u8>,
}

impl Case {
    fn damage(&self, dir: &Path) {
        let path = dir.join(&self.file);
        let mut bytes = fs::read(&path).unwrap();
        match self.flip {
            Some(mask) => bytes[self.at as usize] ^= mask,
            None => bytes.truncate(self.at as usize),
        }
        fs::write(&path, bytes).unwrap();
    }
}

/// Lets a child read the store; gives its report.
fn look(dir: &Path) -> Result<Vec<String>, String> {
    let mut child = again("store_damage::child_reader", &[("OPLEDGER_READ_DIR", dir.to_str().unwrap())]);
    let mut stderr = child.stderr.take().unwrap();
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        let _ = stderr.read_to_string(&mut text);
        text
    });
    let until = Instant::now() + LIMIT;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > until {
            child.kill().unwrap();
            child.wait().unwrap();
            return Err("it hangs".to_owned());
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let errors = errors.join().unwrap();
    let report = fs::read_to_string(dir.with_extension("report")).unwrap_or_default();
    let _ = fs::remove_file(dir.with_extension("report"));
    let lines: Vec<String> = report.lines().map(str::to_owned).collect();
    if !status.success() || lines.last().is_none_or(|last| last != "end") {
        return Err(format!("it ended with {status}: {errors}"));
    }
    Ok(lines)
}

/// How it went, in one word, or what is wrong with it.
fn judge(
    dir: &Path,
    emptied: bool,
    unchanged: bool,
    lines: &[String],
    original: &[String],
) -> Result<&'static str, String> {
    let starting = |word: &'static str| lines.iter().filter(move |line| line.starts_with(word));
    if let Some(error) = starting("open-error").next() {
        let kept = files(&dir.join("aside"));
        return match (error.contains("XX001"), kept.is_empty()) {
            (true, false) => Ok("refused"),
            (true, true) if unchanged => Ok("refused, as found"),
            (true, true) => Err(format!("no files are kept aside: {error}")),
            _ => Err(format!("not XX001: {error}")),
        };
    }
    if let Some(error) = lines.iter().find(|line| line.contains("-error") && !line.contains("XX001")) {
        return Err(format!("not XX001: {error}"));
    }
    if let Some(loss) = starting("loss").next() {
        // Of a log without a byte there is nothing to keep.
        let kept = files(&dir.join("aside"));
        return if kept.is_empty() && !emptied && !unchanged {
            Err(format!("nothing is kept aside: {loss}"))
        } else {
            Ok("loss")
        };
    }
    if lines.iter().any(|line| line.contains("-error")) {
        return Ok("error");
    }
    let now: Vec<&String> = starting("operation").collect();
    let before: Vec<&String> = original.iter().filter(|line| line.starts_with("operation")).collect();
    let missing = before.iter().filter(|line| !now.contains(line)).count();
    if starting("finding").next().is_some() {
        return Ok(if missing == 0 { "finding, whole" } else { "finding" });
    }
    if missing > 0 || now.len() != before.len() {
        return Err(format!(
            "SILENT: {missing} of {} operations are gone or changed, {} are there",
            before.len(),
            now.len()
        ));
    }
    Ok(if starting("damaged 0").next().is_some() { "sound" } else { "damaged" })
}

/// Whether opening took nothing away.
fn still_there(dir: &Path, before: &[(PathBuf, Vec<u8>)]) -> bool {
    before.iter().all(|(path, bytes)| fs::read(dir.join(path)).is_ok_and(|now| now.starts_with(bytes)))
}

fn templates<T: Subject>(root: &Path) -> Vec<(&'static str, PathBuf)> {
    let closed = root.join("closed");
    let tracker = open::<T>(&closed);
    build::<T>(&tracker);
    tracker.close().unwrap();
    drop(tracker);
    leave_intents::<T>(&closed);

    let killed = root.join("killed");
    let mut child = again("store_damage::child_builder", &[("OPLEDGER_BUILD_DIR", killed.to_str().unwrap())]);
    use std::io::BufRead;
    let mut lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("built")));
    child.kill().unwrap();
    child.wait().unwrap();
    leave_intents::<T>(&killed);
    trim(&closed);
    trim(&killed);
    vec![("closed", closed), ("killed", killed)]
}

pub fn no_damage_goes_unnoticed<T: Subject>() {
    let root = tempfile::tempdir().unwrap();
    let templates: BTreeMap<_, _> = templates::<T>(root.path()).into_iter().collect();
    let mut random = Random(number("OPLEDGER_DAMAGE_SEED", 1));
    let flips = number("OPLEDGER_DAMAGE_FLIPS", 10);
    let mut originals = BTreeMap::new();
    let mut cases = Vec::new();
    for (name, template) in &templates {
        let whole = root.path().join(format!("{name}-whole"));
        copy(template, &whole);
        let lines = look(&whole).unwrap();
        assert_eq!(lines.iter().filter(|line| line.starts_with("operation")).count(), 152, "{name}");
        assert_eq!(judge(&whole, false, false, &lines, &lines), Ok("sound"), "{name}: {lines:?}");
        assert_eq!(files(&whole.join("aside")), Vec::<PathBuf>::new(), "{name}");
        originals.insert(*name, lines);
        for file in files(template) {
            let bytes = fs::read(template.join(&file)).unwrap();
            let is_log = T::is_log(&file);
            let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1);
            for turn in 0..if is_log { flips * 6 } else { flips } {
                let at = random.below(if turn % 8 == 7 { bytes.len() as u64 } else { used });
                let mask = [1, 0x80, 0xff, 0x10][random.below(4) as usize];
                if !bytes.is_empty() {
                    cases.push(Case { template: name, file: file.clone(), at, flip: Some(mask) });
                }
                if turn % 2 == 0 {
                    let at = if turn == 0 { 0 } else { random.below(used) };
                    cases.push(Case { template: name, file: file.clone(), at, flip: None });
                }
            }
        }
    }
    let began = Instant::now();
    let next = AtomicUsize::new(0);
    let counts = Mutex::new(BTreeMap::new());
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|threads| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            threads.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(index) else { return };
                    let dir = root.path().join(format!("case-{index}"));
                    copy(&templates[case.template], &dir);
                    case.damage(&dir);
                    let emptied = case.flip.is_none() && case.at == 0;
                    let original = &originals[case.template];
                    let engine = dir.join(T::Engine::NAME);
                    let before = contents(&engine);
                    let verdict = look(&dir).and_then(|lines| {
                        judge(&dir, emptied, still_there(&engine, &before), &lines, original).map_err(|why| {
                            let said: Vec<_> =
                                lines.iter().filter(|line| !line.starts_with("operation")).take(5).collect();
                            format!("{why}; it said {said:?}")
                        })
                    });
                    match verdict {
                        Ok(word) => {
                            let kind = if case.flip.is_some() { "flip" } else { "cut" };
                            let file = &case.file;
                            let file = if file.starts_with("inbox") { "inbox".to_owned() } else { stem(file) };
                            *counts.lock().unwrap().entry((case.template, file, kind, word)).or_insert(0) += 1;
                        }
                        Err(why) => failures.lock().unwrap().push(format!("{case:?}: {why}")),
                    }
                    let _ = fs::remove_dir_all(&dir);
                }
            });
        }
    });
    for ((template, file, kind, word), count) in counts.into_inner().unwrap() {
        println!("{template:8} {file:8} {kind:5} {word:15} {count}");
    }
    println!("{} cases in {:?}", cases.len(), began.elapsed());
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

/// A store whose engine's files are as they were earlier: a disk that lost its last writes, HEAD not among them.
fn set_back<T: Subject>(root: &Path) -> PathBuf {
    let (dir, earlier) = (root.join("set-back"), root.join("earlier"));
    let tracker = open::<T>(&dir);
    for turn in 0..40 {
        tracker.track_operation(&format!("early {turn}"), "BACKUP").unwrap().complete().unwrap();
    }
    tracker.close().unwrap();
    drop(tracker);
    copy(&dir.join(T::Engine::NAME), &earlier);
    let tracker = open::<T>(&dir);
    build::<T>(&tracker);
    tracker.close().unwrap();
    drop(tracker);
    leave_intents::<T>(&dir);
    fs::remove_dir_all(dir.join(T::Engine::NAME)).unwrap();
    copy(&earlier, &dir.join(T::Engine::NAME));
    dir
}

pub fn a_loss_accepted_at_once_keeps_the_files_aside<T: Subject>() {
    let root = tempfile::tempdir().unwrap();
    for (name, dir) in templates::<T>(root.path()) {
        if !T::lose_tail(&dir.join(T::Engine::NAME)) {
            continue;
        }
        let accept = Options { accept_loss: true, ..options(Durability::Immediate) };
        let tracker = Tracker::new(EmbeddedStore::<T::Engine>::open(&dir, accept).unwrap());
        assert_eq!(tracker.inner().info().loss, None);
        assert_ne!(files(&dir.join("aside")), Vec::<PathBuf>::new(), "{name}");
        assert!(tracker.track_operation("after the loss", "MANUAL").unwrap().complete().unwrap().is_recorded());
        println!("{name}: {:?}", tracker.for_all().verify().unwrap().findings);
    }
}

pub fn a_lost_tail_is_named_and_must_be_accepted<T: Subject>() {
    let root = tempfile::tempdir().unwrap();
    for (name, dir) in [("set back", set_back::<T>(root.path()))] {
        let tracker = Tracker::new(EmbeddedStore::<T::Engine>::open(&dir, options(Durability::Immediate)).unwrap());
        let all = tracker.for_all();
        let loss = all.inner().info().loss.unwrap_or_else(|| panic!("{name}: no loss"));
        let (there, _) = read(all.inner().store()).unwrap();
        println!("{name}: {loss:?}; {} of 190 operations can be read", there.len());
        assert!(!there.is_empty() && loss.operations > 0 && loss.versions > 0);
        assert_eq!((there.len(), loss.operations), (40, 150), "{name}");
        let verification = all.verify().unwrap();
        let text = format!("{} operations", loss.operations);
        assert!(
            verification.findings.iter().any(|damage| damage.reason.contains(&text)),
            "{:?}",
            verification.findings
        );
        for _ in 0..2 {
            let error = all.track_operation("refused", "MANUAL").map(|handle| handle.hash_key()).unwrap_err();
            assert_eq!(error.kind().sqlstate(), "XX001");
            assert!(error.message().contains("accept-loss"), "{error}");
        }
        assert_eq!(files(&dir.join("inbox")).len(), 3, "what others left waits for the decision, too");
        let kept = files(&dir.join("aside"));
        tracker.close().unwrap();
        drop((tracker, all));
        // Opening it again changes nothing of that.
        let again = open::<T>(&dir);
        assert_eq!(again.inner().info().loss, Some(loss), "{name}");
        again.close().unwrap();
        drop(again);

        let accept = Options { accept_loss: true, ..options(Durability::Immediate) };
        let tracker = Tracker::new(EmbeddedStore::<T::Engine>::open(&dir, accept).unwrap());
        assert_eq!(tracker.inner().info().loss, None);
        assert!(kept.iter().all(|file| dir.join("aside").join(file).exists()), "{name}: what was kept aside is gone");
        let handle = tracker.track_operation("after the loss", "MANUAL").unwrap();
        let hk = handle.hash_key();
        let position = handle.operation().open.position;
        assert!(handle.complete().unwrap().is_recorded());
        let log = scan_all(tracker.for_all().inner().store(), Scope::All, Scan::Log { after: Position::START });
        let positions: Vec<Position> = log
            .iter()
            .filter_map(|record| match record {
                Record::Entry(entry) => Some(entry.version.position),
                _ => None,
            })
            .collect();
        assert!(positions.is_sorted());
        // Greater than any position that was ever given out, also than those that are lost.
        let (epoch, place, _) = loss.after.parts();
        assert!(position > Position::new(epoch, place + loss.versions, 0), "{position} after {loss:?}");
        let verification = tracker.for_all().verify().unwrap();
        println!("{name}: after accepting: {:?}", verification.findings);
        let (now, _) = read(tracker.for_all().inner().store()).unwrap();
        for (hk, text) in &there {
            assert_eq!(now.get(hk), Some(text), "{name}: what was readable is not, or changed");
        }
        assert_eq!(now.len(), there.len() + 3);
        tracker.close().unwrap();
        drop(tracker);
        let tracker = open::<T>(&dir);
        assert_eq!(tracker.inner().info().loss, None, "{name}");
        assert!(tracker.operation(hk).unwrap().is_some());
        assert_eq!(tracker.for_all().verify().unwrap().findings, verification.findings);
    }
}
