//! A PostgreSQL database that is migrated: the executor of `opledger::migrate`.

mod error;
mod history;
mod interrupt;
mod states;

use opledger::migrate::{DatabaseError, Executor, MigrationState, OtherHistory, RecordedState};
use opledger::{Error, ErrorKind, Hash, Result};

pub use interrupt::Interrupt;

use crate::{Config, Session};

/// The lock that all who migrate a database take turns by; `start_migration` in SQL takes the same.
const LOCK: &str = "pg_catalog.hashtextextended('opledger migration', 0)";
/// The lock that a session for files has: the statement of a runner that was killed goes on in the server, without the other lock.
const AT_WORK: &str = "pg_catalog.hashtextextended('opledger migration files', 0)";

/// A PostgreSQL database, to be migrated by [`opledger::migrate::Runner`].
///
/// It has two sessions. One runs the files, and forgets between two of them whatever they set. The other holds the lock, and
/// writes what must stay when a file fails; between its calls it is idle, so that it holds up nothing that is built
/// concurrently.
///
/// ```no_run
/// # async fn example(tracker: opledger::Tracker<opledger_memory::MemoryStore>) -> opledger::Result<()> {
/// use opledger::migrate::{Runner, Selection, read_folder};
/// use opledger_postgres::{Config, MigratedDatabase};
///
/// let mut database = MigratedDatabase::connect(&Config::new("postgres://admin@localhost/shop")?).await?;
/// let runs = Runner::new(&mut database, &tracker).up(&read_folder("migrations")?, &Selection::default()).await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct MigratedDatabase {
    config: Config,
    files: Session,
    lock: Session,
    is_english: bool,
    interrupt: Interrupt,
}

impl MigratedDatabase {
    /// Connects.
    ///
    /// # Errors
    /// Gives 08006 naming each host that was tried, 42501 when the login is refused, 22023 where a pooler stands between that
    /// gives no session of our own.
    pub async fn connect(config: &Config) -> Result<Self> {
        let (files, lock) = sessions(config).await?;
        if !files.is_own() {
            let message = "migrations need sessions of their own, and this pooler lends them for a transaction: connect to the \
                           server itself";
            return Err(Error::new(ErrorKind::InvalidValue, message));
        }
        let language = one(&lock, "SELECT pg_catalog.current_setting('lc_messages')::text", &[]).await?;
        let is_english = language.is_none_or(|language| language_is_english(&language));
        let interrupt = Interrupt::new(&files);
        Ok(Self { config: config.clone(), files, lock, is_english, interrupt })
    }

    /// What stops a run from another thread, as a handler of Ctrl-C does.
    #[must_use]
    pub fn interrupt(&self) -> Interrupt {
        self.interrupt.clone()
    }

    async fn run(&self, session: &Session, sql: &str) -> Result<(), DatabaseError> {
        session.run(sql).await.map_err(|cause| self.said(&cause))
    }

    fn said(&self, cause: &Error) -> DatabaseError {
        error::said(cause, self.is_english)
    }

    /// The lock goes with its session.
    async fn check_lock(&self) -> Result<(), DatabaseError> {
        let held = format!(
            "SELECT pg_catalog.count(*)::text FROM pg_catalog.pg_locks WHERE pid = pg_catalog.pg_backend_pid() AND {}",
            lock_row(LOCK)
        );
        match one(&self.lock, &held, &[]).await {
            Ok(Some(count)) if count != "0" => Ok(()),
            Ok(_) => Err(lost("the lock of migrations is not held any more".to_owned())),
            Err(cause) => Err(lost(format!("the lock of migrations was lost with its session: {}", cause.message()))),
        }
    }
}

impl Executor for MigratedDatabase {
    fn location(&self) -> String {
        self.config.location()
    }

    async fn try_lock(&mut self) -> Result<bool> {
        self.interrupt.check()?;
        if !take(&self.lock, LOCK).await? {
            return Ok(false);
        }
        if take(&self.files, AT_WORK).await? {
            return Ok(true);
        }
        give_back(&self.lock, LOCK).await?;
        Ok(false)
    }

    async fn lock_holder(&mut self) -> Result<Option<String>> {
        let holder = format!(
            "SELECT pg_catalog.concat_ws(' ', 'the server''s process ' || l.pid, 'of ' || a.usename, \
             'called ' || nullif(a.application_name, ''), 'from ' || a.client_addr, 'since ' || a.backend_start) \
             FROM pg_catalog.pg_locks AS l LEFT JOIN pg_catalog.pg_stat_activity AS a USING (pid) WHERE l.granted AND ({main} OR {}) \
             ORDER BY ({main}) DESC",
            lock_row(AT_WORK),
            main = lock_row(LOCK)
        );
        one(&self.lock, &holder, &[]).await
    }

    async fn unlock(&mut self) -> Result<()> {
        let files = give_back(&self.files, AT_WORK).await;
        give_back(&self.lock, LOCK).await?;
        files
    }

    async fn states(&mut self) -> Result<Vec<RecordedState>> {
        states::read(&self.lock).await
    }

    async fn state_of(&mut self, operation: Hash) -> Result<Option<RecordedState>> {
        states::of_operation(&self.lock, operation).await
    }

    async fn make_table(&mut self) -> Result<(), DatabaseError> {
        states::make_table(&self.lock).await.map_err(|cause| self.said(&cause))
    }

    async fn note(&mut self, states: &[MigrationState]) -> Result<(), DatabaseError> {
        self.run(&self.lock, "BEGIN").await?;
        for state in states {
            if let Err(cause) = states::write(&self.lock, state).await {
                let said = self.said(&cause);
                // Where this fails too, the session ends, and with it the transaction.
                self.run(&self.lock, "ROLLBACK").await.ok();
                return Err(said);
            }
        }
        self.run(&self.lock, "COMMIT").await
    }

    async fn reset(&mut self) -> Result<(), DatabaseError> {
        let forgotten = self.run(&self.files, "DISCARD ALL").await;
        forgotten.map_err(|mut error| {
            if error.sqlstate.as_deref() == Some("25001") {
                error.message = "the file ends inside of a transaction that it began: end it with COMMIT".to_owned();
            }
            error
        })?;
        match take(&self.files, AT_WORK).await {
            Ok(true) => {}
            Ok(false) => return Err(lost("another migration is at work".to_owned())),
            Err(cause) => return Err(self.said(&cause)),
        }
        // The splitter reads strings as they are read by default.
        self.run(&self.files, "SET standard_conforming_strings = on").await
    }

    async fn begin(&mut self) -> Result<(), DatabaseError> {
        self.interrupt.check()?;
        self.check_lock().await?;
        self.run(&self.files, "BEGIN").await
    }

    async fn execute(&mut self, statement: &str) -> Result<(), DatabaseError> {
        self.interrupt.check()?;
        self.run(&self.files, statement).await
    }

    async fn commit(&mut self, state: &MigrationState) -> Result<(), DatabaseError> {
        self.interrupt.check()?;
        self.check_lock().await?;
        // The file may have become somebody who may not write states.
        self.run(&self.files, "RESET SESSION AUTHORIZATION; RESET ROLE").await?;
        states::write(&self.files, state).await.map_err(|cause| self.said(&cause))?;
        self.run(&self.files, "COMMIT").await
    }

    async fn rollback(&mut self) -> Result<(), DatabaseError> {
        self.run(&self.files, "ROLLBACK").await
    }

    async fn reconnect(&mut self) -> Result<()> {
        // What the old ones had open is undone when they are dropped.
        (self.files, self.lock) = sessions(&self.config).await?;
        self.interrupt.follow(&self.files);
        Ok(())
    }

    async fn invalid_indexes(&mut self) -> Result<Vec<String>> {
        let sql = "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_index AS i \
            JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
            WHERE NOT i.indisvalid AND c.relkind = 'i' AND NOT EXISTS ( \
                SELECT FROM pg_catalog.pg_stat_progress_create_index AS p WHERE p.index_relid = i.indexrelid) ORDER BY 1";
        Ok(self.lock.query(sql, &[]).await?.into_iter().flatten().flatten().collect())
    }

    async fn other_history(&mut self, table: Option<&str>) -> Result<OtherHistory> {
        // By the name that the user's search_path finds.
        history::read(&self.files, table).await
    }
}

/// One for the files, and one for lock and states, where nobody's operators are found but the server's.
async fn sessions(config: &Config) -> Result<(Session, Session)> {
    let (files, lock) = (Session::connect(config).await?, Session::connect(config).await?);
    lock.run("SET search_path = pg_catalog, pg_temp").await?;
    Ok((files, lock))
}

/// Tries for a lock, without waiting.
async fn take(session: &Session, lock: &str) -> Result<bool> {
    let taken = one(session, &format!("SELECT pg_catalog.pg_try_advisory_lock({lock})::text"), &[]).await?;
    Ok(taken.as_deref() == Some("true"))
}

async fn give_back(session: &Session, lock: &str) -> Result<()> {
    session.run(format!("SELECT pg_catalog.pg_advisory_unlock({lock})")).await
}

/// How `pg_locks` shows a lock.
fn lock_row(lock: &str) -> String {
    format!(
        "locktype = 'advisory' AND objsubid = 1 AND classid::bigint = (({lock} >> 32) & 4294967295) \
         AND objid::bigint = ({lock} & 4294967295) \
         AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())"
    )
}

fn lost(message: String) -> DatabaseError {
    DatabaseError { message, is_lost: true, is_english: true, ..DatabaseError::default() }
}

fn language_is_english(language: &str) -> bool {
    let language = language.to_ascii_lowercase();
    let first = language.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    matches!(first, "" | "c" | "posix" | "en" | "english")
}

/// The first column of the first row.
async fn one(session: &Session, sql: &str, parameters: &[Option<&str>]) -> Result<Option<String>> {
    Ok(session.query(sql, parameters).await?.into_iter().flatten().next().flatten())
}
