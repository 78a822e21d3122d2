//! What the tests of this crate share: a deterministic store and the way to run a test binary again as a child.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use opledger_embedded::engine::{Batch, Engine, EngineResult};
use opledger_sled::SledEngine;

/// A small generator of pseudo-random numbers; a fixed seed gives a fixed run.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
}

/// Key number `n`: scattered, so that neighbours in time aren't neighbours in order.
pub fn key(n: u64) -> Vec<u8> {
    let mut key = Random(n).next().to_be_bytes().to_vec();
    key.extend_from_slice(&n.to_be_bytes());
    key
}

/// The value of key `n` at its version `v`: 20 to 900 bytes that tell their key.
pub fn value(n: u64, v: u64) -> Vec<u8> {
    let mut random = Random(n * 8 + v);
    let size = 20 + random.below(881) as usize;
    let mut bytes = vec![v as u8];
    bytes.extend_from_slice(&n.to_be_bytes());
    while bytes.len() < size {
        bytes.extend_from_slice(&random.next().to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

pub fn put(entries: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Batch {
    Batch { entries: entries.into_iter().map(|(key, value)| (key, Some(value))).collect() }
}

/// Writes `count` entries in batches of 1 to 40, some rewritten, some syncs; gives what each key should hold.
pub fn fill(engine: &SledEngine, count: u64, seed: u64) {
    let mut random = Random(seed);
    let mut n = 0;
    while n < count {
        let size = 1 + random.below(40);
        let mut entries: Vec<_> = (n..(n + size).min(count)).map(|n| (key(n), value(n, 0))).collect();
        for _ in 0..random.below(4) {
            let old = random.below(n.max(1));
            if old < n {
                entries.push((key(old), value(old, 1 + random.below(6))));
            }
        }
        engine.apply(put(entries)).unwrap();
        if random.below(10) == 0 {
            engine.sync().unwrap();
        }
        n += size;
    }
}

pub fn all(engine: &SledEngine, reverse: bool) -> EngineResult<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut pairs = Vec::new();
    engine.range(&[], &[0xff; 40], reverse, &mut |key, value| {
        pairs.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    })?;
    Ok(pairs)
}

/// This test binary again, running only the test `child`, which reads its orders from the environment.
pub fn again(orders: &[(&str, &str)]) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .envs(orders.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for a child and gives its output; `None` when it had to be killed.
pub fn finish(mut child: Child, limit: Duration) -> Option<(bool, String, String)> {
    let mut out = child.stdout.take().unwrap();
    let mut err = child.stderr.take().unwrap();
    let out = std::thread::spawn(move || {
        let mut text = String::new();
        let _ = out.read_to_string(&mut text);
        text
    });
    let err = std::thread::spawn(move || {
        let mut text = String::new();
        let _ = err.read_to_string(&mut text);
        text
    });
    let until = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Some((status.success(), out.join().unwrap(), err.join().unwrap()));
        }
        if Instant::now() > until {
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Reads a child's lines until one satisfies `stop`.
pub fn lines_until(child: &mut Child, mut stop: impl FnMut(&str) -> bool) {
    let mut reader = BufReader::new(child.stdout.as_mut().unwrap());
    let mut line = String::new();
    while reader.read_line(&mut line).unwrap() > 0 {
        if stop(line.trim_end()) {
            return;
        }
        line.clear();
    }
}

/// All files below a folder with their bytes, `blobs` included.
pub fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push((path.strip_prefix(dir).unwrap().to_owned(), std::fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

pub fn write_files(dir: &Path, files: &[(PathBuf, Vec<u8>)]) {
    std::fs::create_dir_all(dir.join("blobs")).unwrap();
    for (path, bytes) in files {
        std::fs::write(dir.join(path), bytes).unwrap();
    }
}
