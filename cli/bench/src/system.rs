//! The machine under it: bytes on disk, memory, load.

use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, io};

use tempfile::TempDir;

/// A folder to work in, in `OPLEDGER_BENCH_DIR` where that is set. It should be on a disk, not in memory.
///
/// # Errors
/// Gives what the operating system says.
pub fn folder() -> io::Result<TempDir> {
    match std::env::var_os("OPLEDGER_BENCH_DIR") {
        Some(dir) => tempfile::tempdir_in(dir),
        None => tempfile::tempdir(),
    }
}

/// Bytes of all files in a folder, as allocated where the system tells.
///
/// # Errors
/// Gives what the operating system says.
pub fn bytes_on_disk(dir: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let data = entry.metadata()?;
        bytes += if data.is_dir() { bytes_on_disk(&entry.path())? } else { allocated(&data) };
    }
    Ok(bytes)
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

/// The most memory that this process has had so far, in bytes, where the system tells.
#[must_use]
pub fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// The load average of the last minute, where the system tells.
#[must_use]
pub fn load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
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

/// What the figures were measured on.
#[derive(Debug, Clone)]
pub struct Machine {
    /// How many threads run at once.
    pub cores: usize,
    /// The processor's name, where the system tells.
    pub processor: Option<String>,
    /// The operating system and its architecture.
    pub system: String,
}

impl Machine {
    /// This one.
    #[must_use]
    pub fn here() -> Self {
        let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let name = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor: name.map(|(_, name)| name.to_owned()),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        }
    }
}
