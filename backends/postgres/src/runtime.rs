//! The runtime that tokio-postgres needs: the caller's where it has one that will do, else one thread of ours.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use opledger::{Error, ErrorKind, Result};
use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};
use tokio::task::JoinHandle;

/// Runs futures.
#[derive(Clone)]
pub(crate) enum Executor {
    /// On a thread of its own; clones share it, and the last one ends it.
    Own(Arc<Owned>),
    /// On the runtime of who made it: nothing passes from thread to thread then, which takes longer than the call.
    Theirs(Handle),
}

/// A runtime may not be dropped where a future is polled; this one lets go instead of waiting.
pub(crate) struct Owned(Option<Runtime>);

impl Drop for Owned {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Executor {
    /// The runtime that this is called in; one of our own where there is none, or one whose only thread may be waiting for us.
    pub(crate) fn here() -> Result<Self> {
        match Handle::try_current() {
            Ok(handle) if handle.runtime_flavor() == RuntimeFlavor::MultiThread => Ok(Self::Theirs(handle)),
            _ => Self::own(),
        }
    }

    pub(crate) fn own() -> Result<Self> {
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("opledger-postgres").enable_all().build();
        let runtime = runtime.map_err(|cause| {
            Error::new(ErrorKind::Io, format!("no thread could be started for the store: {cause}")).caused_by(cause)
        })?;
        Ok(Self::Own(Arc::new(Owned(Some(runtime)))))
    }

    /// Starts the future at once; dropping the handle cancels nothing. Where the runtime was shut down, the future is dropped.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<JoinHandle<T>> {
        match self {
            Self::Own(own) => own.0.as_ref().map(|runtime| runtime.spawn(work)),
            Self::Theirs(handle) => Some(handle.spawn(work)),
        }
    }

    /// Runs the future to its end, on any executor. What is waited for holds nothing of it: its type stays shallow.
    pub(crate) fn run<T: Send + 'static>(&self, work: impl Future<Output = Result<T>> + Send + 'static) -> Running<T> {
        Running(self.spawn(work))
    }
}

/// Work under way; given up when this is dropped.
pub(crate) struct Running<T>(Option<JoinHandle<Result<T>>>);

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

impl<T> Future for Running<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        match &mut self.0 {
            Some(task) => Pin::new(task).poll(cx).map(|done| done.unwrap_or_else(|_| Err(ended()))),
            None => Poll::Ready(Err(ended())),
        }
    }
}

fn ended() -> Error {
    Error::new(ErrorKind::Closed, "the store was closed, or the runtime that it was connected in was shut down")
}
