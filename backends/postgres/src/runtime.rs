//! The runtime that tokio-postgres needs: one thread of ours, so that callers need none.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use opledger::{Error, ErrorKind, Result};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// Runs futures on a thread of its own; clones share it, and the last one ends it.
#[derive(Clone)]
pub(crate) struct Executor(Arc<Owned>);

/// A runtime may not be dropped where a future is polled; this one lets go instead of waiting.
struct Owned(Option<Runtime>);

impl Drop for Owned {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Executor {
    pub(crate) fn start() -> Result<Self> {
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("opledger-postgres").enable_all().build();
        let runtime = runtime.map_err(|cause| {
            Error::new(ErrorKind::Io, format!("no thread could be started for the store: {cause}")).caused_by(cause)
        })?;
        Ok(Self(Arc::new(Owned(Some(runtime)))))
    }

    /// Starts the future at once; dropping the handle cancels nothing.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<JoinHandle<T>> {
        self.0.0.as_ref().map(|runtime| runtime.spawn(work))
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
    Error::new(ErrorKind::Closed, "the store was closed while this call waited")
}
