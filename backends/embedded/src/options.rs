//! How a store is opened.

use std::time::Duration;

/// When an acknowledged write is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Before it is acknowledged: nothing acknowledged is lost, not even when the power fails.
    #[default]
    Immediate,
    /// At most so long after it is acknowledged: a crash loses what was acknowledged within that time, and nothing before.
    Interval(Duration),
}

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// When an acknowledged write is on disk.
    pub durability: Durability,
    /// How long to wait for a process that has the store open.
    pub lock_wait: Duration,
    /// Go on with a store whose engine lost a tail of its log; until then such a store takes no writes.
    pub accept_loss: bool,
    /// How this process is named to others that wait for the store.
    pub holder: String,
}

impl Default for Options {
    /// Durable at once, waiting 5 seconds for another holder, named by the program.
    fn default() -> Self {
        let program = std::env::args_os().next().unwrap_or_default();
        let name = std::path::Path::new(&program).file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self { durability: Durability::Immediate, lock_wait: Duration::from_secs(5), accept_loss: false, holder: name }
    }
}
