//! Keeps sled's panics inside: caught, silent, and counted where they end one of sled's own threads.

use std::any::Any;
use std::cell::Cell;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use opledger_embedded::engine::{EngineError, EngineResult};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// How many of sled's pool threads have panicked in this process. sled has seven that last and never replaces one;
/// what such a thread was to write may be waited for without end.
static POOL_PANICS: AtomicUsize = AtomicUsize::new(0);
static HOOK: Once = Once::new();

/// sled can work with fewer threads, but not with none.
const POOL_SPENT: usize = 6;

pub(crate) fn pool_panics() -> usize {
    POOL_PANICS.load(Ordering::Acquire)
}

/// Refuses where sled's threads of this process are used up: opening would wait for them without end.
pub(crate) fn pool_alive() -> EngineResult<()> {
    if pool_panics() < POOL_SPENT {
        return Ok(());
    }
    let text = "sled's worker threads have died in this process; start it again";
    Err(EngineError::Io(io::Error::other(text)))
}

/// Once per process: panics inside [`guarded`] calls and in sled's threads no longer print to stderr; every other
/// panic goes to the hook that was there before.
pub(crate) fn install_hook() {
    if std::thread::panicking() {
        return; // the hook can't be changed now; panics then print, nothing worse
    }
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if GUARDED.try_with(Cell::get).unwrap_or(false) {
                return;
            }
            let thread = std::thread::current();
            if thread.name().is_some_and(|name| name.starts_with("sled-io-")) {
                POOL_PANICS.fetch_add(1, Ordering::AcqRel);
                tracing::error!(panic = %info, "a sled thread panicked");
                return;
            }
            previous(info);
        }));
    });
}

/// Runs one call into sled; a panic becomes [`EngineError::Corrupt`].
pub(crate) fn guarded<T>(call: impl FnOnce() -> Result<T, sled::Error>) -> EngineResult<T> {
    let before = GUARDED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(call));
    GUARDED.set(before);
    match result {
        Ok(result) => result.map_err(convert),
        Err(payload) => {
            let message = text(payload.as_ref());
            tracing::warn!(panic = message, "sled panicked");
            std::mem::forget(payload); // its drop is foreign code too
            Err(EngineError::Corrupt(format!("sled panicked: {message}")))
        }
    }
}

fn text(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "no message".to_owned()
    }
}

fn convert(error: sled::Error) -> EngineError {
    match error {
        sled::Error::Io(error) => match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                EngineError::Corrupt(error.to_string())
            }
            io::ErrorKind::Other if error.to_string().starts_with("could not acquire lock") => {
                EngineError::Io(io::Error::new(io::ErrorKind::WouldBlock, error))
            }
            _ => EngineError::Io(error),
        },
        sled::Error::Unsupported(why) => EngineError::Io(io::Error::new(io::ErrorKind::Unsupported, why)),
        other => EngineError::Corrupt(other.to_string()),
    }
}
