//! Keeps an engine's panics inside: caught, silent, and counted where they end one of the engine's own threads.

use std::any::Any;
use std::cell::Cell;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Once, PoisonError, RwLock};

use crate::engine::{EngineError, EngineResult};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

static HOOK: Once = Once::new();
static WATCHED: RwLock<Vec<&'static Threads>> = RwLock::new(Vec::new());

/// An engine's own threads, known by how their names begin.
#[derive(Debug)]
pub struct Threads {
    prefix: &'static str,
    panics: AtomicUsize,
}

impl Threads {
    /// The threads whose names begin with `prefix`.
    #[must_use]
    pub const fn named(prefix: &'static str) -> Self {
        Self { prefix, panics: AtomicUsize::new(0) }
    }

    /// From now on panics in these threads, and in [`guarded`] calls, no longer print to stderr; every other panic
    /// goes to the hook that was there before.
    pub fn watch(&'static self) {
        install_hook();
        let mut watched = WATCHED.write().unwrap_or_else(PoisonError::into_inner);
        if !watched.iter().any(|threads| std::ptr::eq(*threads, self)) {
            watched.push(self);
        }
    }

    /// How many of them have panicked in this process.
    pub fn panics(&self) -> usize {
        self.panics.load(Ordering::Acquire)
    }
}

/// Once per process: panics inside [`guarded`] calls no longer print to stderr.
pub fn install_hook() {
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
            let watched = WATCHED.read().unwrap_or_else(PoisonError::into_inner);
            match watched.iter().find(|threads| thread.name().is_some_and(|name| name.starts_with(threads.prefix))) {
                Some(threads) => {
                    threads.panics.fetch_add(1, Ordering::AcqRel);
                    tracing::error!(panic = %info, "a thread of an engine panicked");
                }
                None => previous(info),
            }
        }));
    });
}

/// Runs one call into the engine of this name; a panic becomes [`EngineError::Corrupt`].
///
/// # Errors
/// Gives the error of the call.
pub fn guarded<T>(engine: &str, call: impl FnOnce() -> EngineResult<T>) -> EngineResult<T> {
    let before = GUARDED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(call));
    GUARDED.set(before);
    result.unwrap_or_else(|payload| {
        let message = text(payload.as_ref());
        tracing::warn!(engine, panic = message, "an engine panicked");
        std::mem::forget(payload); // its drop is foreign code too
        Err(EngineError::Corrupt(format!("{engine} panicked: {message}")))
    })
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

/// An engine that is in doubt since a write failed: it must not write again until it is opened anew.
#[derive(Debug, Default)]
pub struct Doubt(AtomicBool);

impl Doubt {
    /// Remembers the error of a write.
    ///
    /// # Errors
    /// Gives the error it was given.
    pub fn note<T>(&self, result: EngineResult<T>) -> EngineResult<T> {
        if result.is_err() {
            self.0.store(true, Ordering::Release);
        }
        result
    }

    /// Refuses where a write has failed before.
    ///
    /// # Errors
    /// Gives [`EngineError::Corrupt`].
    pub fn trusted(&self, engine: &str) -> EngineResult<()> {
        if self.0.load(Ordering::Acquire) {
            return Err(EngineError::Corrupt(format!("{engine} failed before; the store has to be opened anew")));
        }
        Ok(())
    }
}

/// An error of the file system, met while reading or writing an engine's own files: some kinds only tell of bytes
/// that are not what was written.
pub fn io_error(error: io::Error) -> EngineError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            EngineError::Corrupt(error.to_string())
        }
        _ => EngineError::Io(error),
    }
}
