//! Where bcrypt runs: on threads of its own, at most one a core, so that neither an executor nor the machine is taken
//! up by those who try passwords. Who is over waits for a turn.

#[cfg(feature = "users")]
pub(super) use on::Work;

use super::State;
use crate::error::{Error, ErrorKind, Result};
use secrecy::SecretString;

impl State {
    /// A new hash of a password, of the cost that is set.
    pub(super) async fn hash(&self, password: &SecretString) -> Result<String> {
        #[cfg(feature = "users")]
        {
            let (password, cost) = (password.clone(), self.settings.bcrypt_cost);
            self.work.run(move || super::bcrypt::hash(&password, cost)).await
        }
        #[cfg(not(feature = "users"))]
        missing(password)
    }

    /// Whether the password is the one of the hash, which has this cost; with the work of `cost`.
    pub(super) async fn check(
        &self,
        password: &SecretString,
        stored: Option<(String, u32)>,
        cost: u32,
    ) -> Result<bool> {
        #[cfg(feature = "users")]
        {
            let password = password.clone();
            let check = move || {
                let stored = stored.as_ref().map(|(hash, cost)| (hash.as_str(), *cost));
                super::bcrypt::check(&password, stored, cost)
            };
            self.work.run(check).await
        }
        #[cfg(not(feature = "users"))]
        {
            let _ = (stored, cost);
            missing(password)
        }
    }

    /// Refuses a build that can't look after users itself.
    pub(super) fn check_feature(&self) -> Result<()> {
        if cfg!(feature = "users") { Ok(()) } else { Err(no_feature()) }
    }
}

#[cfg(not(feature = "users"))]
fn missing<T>(_: &SecretString) -> Result<T> {
    Err(no_feature())
}

fn no_feature() -> Error {
    let message = "this store does not look after users itself, and opledger was built without the feature `users`";
    Error::new(ErrorKind::MissingDependency, message).suggest("Build opledger with its feature `users`")
}

#[cfg(feature = "users")]
mod on {
    use std::sync::{Arc, Mutex, PoisonError};

    use event_listener::Event;
    use futures_channel::oneshot;

    use crate::error::{Error, ErrorKind, Result};

    /// How many threads are busy.
    #[derive(Debug, Default)]
    pub(in crate::users) struct Work(Arc<Turns>);

    #[derive(Debug, Default)]
    struct Turns {
        busy: Mutex<usize>,
        freed: Event,
    }

    /// One thread's turn, until it ends: also that of a caller who went away.
    struct Turn(Arc<Turns>);

    impl Drop for Turn {
        fn drop(&mut self) {
            *self.0.busy.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
            self.0.freed.notify(1);
        }
    }

    impl Work {
        pub(in crate::users) async fn run<T: Send + 'static>(
            &self,
            job: impl FnOnce() -> Result<T> + Send + 'static,
        ) -> Result<T> {
            let turn = self.turn().await;
            let (sender, answer) = oneshot::channel();
            let work = move || {
                let done = job();
                drop(turn);
                // A caller who went away wants no answer.
                let _unwanted = sender.send(done);
            };
            let started = std::thread::Builder::new().name("opledger-bcrypt".to_owned()).spawn(work);
            started.map_err(|cause| Error::new(ErrorKind::Io, "no thread to check a password on").caused_by(cause))?;
            answer.await.map_err(|_| Error::new(ErrorKind::Io, "the thread that checks passwords ended early"))?
        }

        async fn turn(&self) -> Turn {
            let most = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
            loop {
                let freed = self.0.freed.listen();
                if self.take(most) {
                    return Turn(Arc::clone(&self.0));
                }
                freed.await;
            }
        }

        fn take(&self, most: usize) -> bool {
            let mut busy = self.0.busy.lock().unwrap_or_else(PoisonError::into_inner);
            let free = *busy < most;
            *busy += usize::from(free);
            free
        }
    }

    #[cfg(test)]
    mod tests {
        use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
        use std::task::{Context, Poll, Waker};

        use pollster::block_on;

        use super::*;

        #[test]
        fn no_more_threads_than_cores_and_all_have_their_turn() {
            let work = Work::default();
            let most = std::thread::available_parallelism().unwrap().get();
            let running = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
            std::thread::scope(|scope| {
                for _ in 0..8 * most {
                    let (work, running) = (&work, Arc::clone(&running));
                    scope.spawn(move || {
                        let job = move || {
                            let now = running.0.fetch_add(1, SeqCst) + 1;
                            running.1.fetch_max(now, SeqCst);
                            std::thread::yield_now();
                            running.0.fetch_sub(1, SeqCst);
                            Ok(())
                        };
                        block_on(work.run(job)).unwrap();
                    });
                }
            });
            let peak = running.1.load(SeqCst);
            assert!((1..=most).contains(&peak), "{peak} at once");
            assert_eq!(*work.0.busy.lock().unwrap(), 0);
        }

        #[test]
        fn who_goes_away_leaves_the_turn_to_others() {
            let work = Work::default();
            for _ in 0..64 {
                let mut gone = Box::pin(work.run(|| Ok(())));
                let polled = gone.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                assert!(matches!(polled, Poll::Pending | Poll::Ready(Ok(()))));
            }
            block_on(work.run(|| Ok(()))).unwrap();
        }
    }
}
