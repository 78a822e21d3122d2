//! `opledger cleanup`, and what it says of the disk.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::time::Duration;

use common::{answer, bare};
use opledger_bench::fill;
use opledger_bench::ledger::{Ledger, Ours, now};
use opledger_bench::subject::open_embedded;
use opledger_embedded::disk;
use opledger_sled::Durability;

/// Nobody was told whether the disk is free again, and it was not, on no engine.
#[test]
fn a_cleanup_gives_the_disk_back_where_the_engine_can_and_says_where_it_can_t() {
    let root = tempfile::tempdir().unwrap();
    // fjall's tables become smaller, but so few operations are all in its journal, too.
    for (engine, gives) in [("sled", false), ("redb", true), ("fjall", false)] {
        let dir = root.path().join(engine);
        let store = open_embedded(engine, &dir, Durability::Interval(Duration::from_secs(1))).unwrap();
        let ledger = Box::new(Ours::new(store));
        fill::fill(&*ledger, 6000, now()).unwrap();
        ledger.close().unwrap();
        let cleanup = |more: &[&str]| {
            let url = format!("{engine}:{}", dir.display());
            let args = ["--store", &url, "cleanup", "--retention-days", "3", "--format", "csv"];
            let done = answer(bare().args(args).args(more).output().unwrap());
            assert_eq!(done.code, 0, "{engine}: {}", done.err);
            (done.out, done.err)
        };
        let (_, told) = cleanup(&["--dry-run"]);
        assert_eq!(told, "", "{engine}");
        let (out, told) = cleanup(&[]);
        let removed: u64 = out.lines().nth(1).unwrap().split(',').next().unwrap().parse().unwrap();
        assert!((5380..5400).contains(&removed), "{engine}: {removed}");
        let figures: Vec<f64> = told.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [after, before] = figures[..] else { panic!("{engine}: {told}") };
        let really = disk::size_of(&dir).unwrap() as f64 / 1e6;
        assert!((after - really).abs() < 0.5, "{engine}: {told} it is {really}");
        // sled writes what stays anew before it uses the room of what went.
        let at_most = if engine == "sled" { before * 1.5 } else { before };
        assert!(after <= at_most, "{engine}: {told}");
        assert_eq!(told.contains("sled keeps the room"), engine == "sled", "{told}");
        assert!(!gives || after * 3.0 < before, "{engine}: {told}");
        let (_, told) = cleanup(&[]);
        assert_eq!(told, "", "{engine}: nothing went");
    }
}
