//! Figures, not checks: `cargo test --release -p opledger-sled --test measure -- --ignored --nocapture`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::time::Instant;

use common::*;
use opledger_embedded::engine::Engine;
use opledger_sled::SledEngine;

fn memory(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[test]
#[ignore = "measures"]
fn writing_and_opening() {
    let count: u64 = std::env::var("COUNT").map_or(1_000_000, |n| n.parse().unwrap());
    let size: u64 = std::env::var("BATCH").map_or(32, |n| n.parse().unwrap());
    let root = tempfile::tempdir_in(std::env::var("PLACE").unwrap_or("/tmp".into())).unwrap();
    let dir = root.path().join("store");
    std::fs::create_dir(&dir).unwrap();
    let aside = root.path().join("aside");
    let engine = SledEngine::open(&dir, &aside).unwrap();
    let start = Instant::now();
    let mut n = 0;
    let sorted = std::env::var("SORTED").is_ok();
    let at = |n: u64| if sorted { n.to_be_bytes().to_vec() } else { key(n) };
    while n < count {
        engine.apply(put((n..n + size).map(|n| (at(n), vec![n as u8; 60])))).unwrap();
        n += size;
    }
    let applied = start.elapsed();
    engine.sync().unwrap();
    println!(
        "{count} entries in batches of {size}: {:.0} entries/s ({:?} + sync {:?}), peak {} MB, now {} MB, disk {} MB",
        count as f64 / start.elapsed().as_secs_f64(),
        applied,
        start.elapsed() - applied,
        memory("VmHWM"),
        memory("VmRSS"),
        engine.size_on_disk().unwrap() >> 20,
    );
    let start = Instant::now();
    engine.close().unwrap();
    println!("close {:?}", start.elapsed());
    let copy = root.path().join("copy");
    write_files(&copy, &files(&dir));
    let start = Instant::now();
    drop(sled::Config::new().path(&copy).flush_every_ms(None).cache_capacity(32 << 20).open().unwrap());
    println!("first bare sled open+drop of a copy {:?}", start.elapsed());
    for what in ["first", "second", "third"] {
        let start = Instant::now();
        let engine = SledEngine::open(&dir, &aside).unwrap();
        println!(
            "{what} open {:?}, kept {}, peak {} MB",
            start.elapsed(),
            aside.join("parts").exists(),
            memory("VmHWM")
        );
        engine.close().unwrap();
        let start = Instant::now();
        drop(sled::Config::new().path(&dir).flush_every_ms(None).cache_capacity(32 << 20).open().unwrap());
        println!("{what} bare sled open+drop {:?}", start.elapsed());
    }
}
