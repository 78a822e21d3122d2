//! Deterministic entries for an engine.

use std::ops::ControlFlow;

use opledger_embedded::engine::{Batch, Engine, EngineResult};

use crate::Subject;
use crate::random::Random;

/// Key number `n`: scattered, so that neighbours in time aren't neighbours in order.
pub fn key(n: u64) -> Vec<u8> {
    let mut key = Random(n).draw().to_be_bytes().to_vec();
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
        bytes.extend_from_slice(&random.draw().to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

pub fn put(entries: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Batch {
    Batch { entries: entries.into_iter().map(|(key, value)| (key, Some(value))).collect() }
}

/// Writes `count` entries in batches of 1 to 40, some rewritten, some syncs; gives what each key should hold.
pub fn fill<T: Subject>(engine: &T::Engine, count: u64, seed: u64) {
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

pub fn all<T: Subject>(engine: &T::Engine, reverse: bool) -> EngineResult<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut pairs = Vec::new();
    engine.range(&[], &[0xff; 40], reverse, &mut |key, value| {
        pairs.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    })?;
    Ok(pairs)
}
