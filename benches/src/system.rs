//! The machine under it: folders, bytes on disk, the price of a sync, the load.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A folder to work in, in `OPLEDGER_BENCH_DIR` where that is set. It should be on a disk, not in memory.
#[must_use]
pub fn folder() -> TempDir {
    match std::env::var_os("OPLEDGER_BENCH_DIR") {
        Some(dir) => tempfile::tempdir_in(dir).unwrap(),
        None => tempfile::tempdir().unwrap(),
    }
}

/// Bytes of all files in a folder, as allocated where the system tells.
#[must_use]
pub fn bytes_on_disk(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            let data = entry.metadata().unwrap();
            if data.is_dir() { bytes_on_disk(&entry.path()) } else { allocated(&data) }
        })
        .sum()
}

#[cfg(unix)]
fn allocated(data: &fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    data.blocks() * 512
}

#[cfg(not(unix))]
fn allocated(data: &fs::Metadata) -> u64 {
    data.len()
}

/// The median time to append 4 KiB to a file and sync it: what no durable write can beat.
#[must_use]
pub fn sync_time(dir: &Path) -> Duration {
    let mut file = File::create(dir.join("sync-probe")).unwrap();
    median(200, || {
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
    })
}

/// The median time of `times` runs.
pub fn median(times: usize, mut run: impl FnMut()) -> Duration {
    let mut taken = Vec::with_capacity(times);
    for _ in 0..times {
        let began = Instant::now();
        run();
        taken.push(began.elapsed());
    }
    taken.sort_unstable();
    taken.get(times / 2).copied().unwrap_or_default()
}

/// The load average, where the system tells.
#[must_use]
pub fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}
