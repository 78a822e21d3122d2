//! The engine suite on redb.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};

use opledger_engine_testkit::Subject;
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
