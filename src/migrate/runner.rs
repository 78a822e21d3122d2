//! The runner: under the lock, from what the database has to what the folder has.

use std::time::{Duration, Instant};

use futures_timer::Delay;

use super::executor::Executor;
use super::file::{Direction, Migration, Planned};
use super::recorder::Recorder;
use super::run_file::{Run, run_file};
use super::selection::Selection;
use super::state::RecordedState;
use super::survey::{Item, survey};
use crate::error::{Error, ErrorKind, Result};

/// How often the lock is tried for. It is not waited for by the server: a waiting statement's snapshot would hold up what
/// the other runner builds concurrently.
const POLL: Duration = Duration::from_millis(200);
/// How long the lock is tried for, where nothing else was said.
const LOCK_WAIT: Duration = Duration::from_secs(60);

/// What a runner tells while it works.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'e> {
    /// Another holds the lock.
    Waiting {
        /// Who.
        holder: &'e str,
    },
    /// A file begins.
    Begun {
        /// The file's name.
        file: &'e str,
        /// Its place among those to run, from 1.
        number: usize,
        /// How many are to run.
        of: usize,
        /// How many statements it has.
        statements: usize,
    },
    /// A statement of the file is done.
    Statement {
        /// Its place in the file, from 1.
        number: usize,
        /// How many statements the file has.
        of: usize,
    },
    /// The file has ended.
    Ended(&'e Run),
}

/// What all files of a run have in common.
pub(super) struct Surroundings<'r> {
    pub(super) lock_wait: Duration,
    pub(super) progress: &'r (dyn Fn(&Event<'_>) + Sync),
    pub(super) mask: &'r (dyn Fn(&str) -> String + Sync),
}

/// Runs migrations on a database, and records each as an operation in a ledger.
///
/// Dropping a call's future leaves what it began: the database undoes an open transaction, and the operation stays RUNNING.
///
/// ```no_run
/// # async fn example<E, S>(mut database: E, tracker: opledger::Tracker<S>) -> opledger::Result<()>
/// # where E: opledger::migrate::Executor, S: opledger::Store {
/// use opledger::migrate::{Runner, Selection, read_folder};
///
/// let migrations = read_folder("migrations")?;
/// let runs = Runner::new(&mut database, &tracker).up(&migrations, &Selection::default()).await?;
/// for run in runs {
///     println!("{} {} ms {:?}", run.file, run.execution_time_ms, run.failure.map(|failure| failure.to_string()));
/// }
/// # Ok(()) }
/// ```
pub struct Runner<'r, E, R> {
    pub(super) executor: &'r mut E,
    pub(super) recorder: &'r R,
    around: Surroundings<'r>,
}

impl<E, R> std::fmt::Debug for Runner<'_, E, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner").field("lock_wait", &self.around.lock_wait).finish_non_exhaustive()
    }
}

impl<'r, E: Executor, R: Recorder> Runner<'r, E, R> {
    /// A runner on a database, with a ledger.
    pub fn new(executor: &'r mut E, recorder: &'r R) -> Self {
        let around = Surroundings { lock_wait: LOCK_WAIT, progress: &|_| {}, mask: &str::to_owned };
        Self { executor, recorder, around }
    }

    /// Tries so long for the lock that another runner holds, instead of a minute.
    #[must_use]
    pub fn lock_wait(mut self, time: Duration) -> Self {
        self.around.lock_wait = time;
        self
    }

    /// Tells what happens while it happens.
    #[must_use]
    pub fn progress(mut self, progress: &'r (dyn Fn(&Event<'_>) + Sync)) -> Self {
        self.around.progress = progress;
        self
    }

    /// Takes secrets out of texts before they are stored, beyond what stands in strings.
    #[must_use]
    pub fn mask(mut self, mask: &'r (dyn Fn(&str) -> String + Sync)) -> Self {
        self.around.mask = mask;
        self
    }

    /// Runs what is to be run, each file an operation; ends with the first that fails, which is the last of the answer.
    ///
    /// # Errors
    /// Gives 55P03 naming who holds the lock; 23505 naming what must be looked at first; 22023 or 22P02 naming file and line of
    /// what can't be run: then nothing was run. Else the database's error, or the ledger's.
    pub async fn up(&mut self, migrations: &[Migration], selection: &Selection) -> Result<Vec<Run>> {
        self.go(migrations, selection, Direction::Up).await
    }

    /// Takes the newest versions back, each an operation; ends with the first that fails.
    ///
    /// # Errors
    /// As [`up`](Self::up); 22023 also where one can't be taken back: then none was.
    pub async fn down(&mut self, migrations: &[Migration], selection: &Selection) -> Result<Vec<Run>> {
        self.go(migrations, selection, Direction::Down).await
    }

    async fn go(&mut self, migrations: &[Migration], selection: &Selection, direction: Direction) -> Result<Vec<Run>> {
        self.lock().await?;
        let runs = self.go_locked(migrations, selection, direction).await;
        self.unlock().await;
        runs
    }

    async fn go_locked(
        &mut self,
        migrations: &[Migration],
        selection: &Selection,
        direction: Direction,
    ) -> Result<Vec<Run>> {
        let states = self.executor.states().await?;
        let planned = plan(&survey(migrations, &states), selection, direction)?;
        if !planned.is_empty() {
            self.executor.make_table().await?;
        }
        let mut runs = Vec::new();
        for (place, planned_file) in planned.iter().enumerate() {
            let Planned { script, statements, .. } = planned_file;
            let (file, number, of) = (script.file.as_str(), place + 1, planned.len());
            (self.around.progress)(&Event::Begun { file, number, of, statements: *statements });
            let run = run_file(self.executor, self.recorder, &self.around, planned_file).await?;
            (self.around.progress)(&Event::Ended(&run));
            let failed = run.failure.is_some();
            runs.push(run);
            if failed {
                break;
            }
        }
        Ok(runs)
    }

    /// What the database has. Changes nothing.
    ///
    /// # Errors
    /// Gives the database's error.
    pub async fn states(&mut self) -> Result<Vec<RecordedState>> {
        self.executor.states().await
    }

    pub(super) async fn lock(&mut self) -> Result<()> {
        let began = Instant::now();
        let mut told = false;
        while !self.executor.try_lock().await? {
            let holder = self.executor.lock_holder().await?;
            let holder = holder.as_deref().unwrap_or("a session that has ended since");
            let waited = began.elapsed();
            if waited >= self.around.lock_wait {
                let seconds = waited.as_secs();
                let message = format!("another migration is at work after {seconds} s of waiting: {holder}");
                return Err(Error::new(ErrorKind::Locked, message));
            }
            if !std::mem::replace(&mut told, true) {
                (self.around.progress)(&Event::Waiting { holder });
            }
            Delay::new(POLL.min(self.around.lock_wait.saturating_sub(waited))).await;
        }
        Ok(())
    }

    pub(super) async fn unlock(&mut self) {
        if let Err(error) = self.executor.unlock().await {
            // It goes with its session.
            tracing::debug!(%error, "the lock of migrations could not be given back");
        }
    }
}

/// The files to run.
///
/// # Errors
/// As [`Selection::up`] and [`Selection::down`].
fn plan<'m>(items: &[Item<'m>], selection: &Selection, direction: Direction) -> Result<Vec<Planned<'m>>> {
    match direction {
        Direction::Up => selection.up(items),
        Direction::Down => selection.down(items),
    }
}
