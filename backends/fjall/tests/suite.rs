//! The engine suite on fjall.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::{Path, PathBuf};

use opledger_engine_testkit::Subject;
use opledger_engine_testkit::files::files;
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
