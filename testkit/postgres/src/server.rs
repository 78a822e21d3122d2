//! The server: made, started, and ended with us.

use std::io::Write;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::{Binaries, Database, Error, Result};

/// How long a start may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the server until its own standard input ends, however we end: a pipe closes even when a process is killed.
/// It runs in a process group of its own, so that Ctrl-C reaches it through us only.
const KEEPER: &str = r#"
"$1" -D "$2/data" -k "$2" >"$2/log" 2>&1 </dev/null &
server=$!
cat >/dev/null
kill -INT "$server" 2>/dev/null
wait "$server"
rm -rf "$2"
"#;

/// Settings for a server, before it is started.
#[derive(Debug, Clone)]
pub struct Builder {
    settings: Vec<(String, String)>,
}

impl Default for Builder {
    fn default() -> Self {
        let unsafe_but_quick = [("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off")];
        let settings = unsafe_but_quick.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { settings: settings.to_vec() }
    }
}

impl Builder {
    /// Changes one line of `postgresql.conf`.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Makes and starts the server.
    ///
    /// # Errors
    /// Says what is missing, or what PostgreSQL said.
    pub fn start(self) -> Result<Server> {
        Server::start_with(&self)
    }
}

/// A running server. Its superuser is `postgres`; everyone on its socket is trusted.
#[derive(Debug)]
pub struct Server {
    /// One for each time it was started.
    keepers: Mutex<Vec<Child>>,
    binaries: Binaries,
    folder: TempDir,
    user: Option<(u32, u32)>,
    databases: AtomicU32,
}

impl Server {
    /// Starts a server for tests: quick, and not durable.
    ///
    /// # Errors
    /// Says what is missing, or what PostgreSQL said.
    pub fn start() -> Result<Self> {
        Self::builder().start()
    }

    /// Settings first.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    fn start_with(builder: &Builder) -> Result<Self> {
        let (binaries, folder, user) = place()?;
        let mut initdb = as_user(Command::new(binaries.program("initdb")), user, folder.path());
        initdb.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D"]);
        let made = initdb.arg(folder.path().join("data")).output()?;
        if !made.status.success() {
            let output = String::from_utf8_lossy(&made.stderr).into_owned();
            return Err(Error::Failed { program: "initdb", output });
        }
        let mut configuration =
            std::fs::OpenOptions::new().append(true).open(folder.path().join("data/postgresql.conf"))?;
        writeln!(configuration, "listen_addresses = ''\nmax_connections = 100")?;
        for (name, value) in &builder.settings {
            writeln!(configuration, "{name} = '{}'", value.replace('\'', "''"))?;
        }
        let server = Self { keepers: Mutex::default(), binaries, folder, user, databases: AtomicU32::new(0) };
        server.start_again()?;
        Ok(server)
    }

    /// A standby of this server, which follows it until `SELECT pg_promote()`.
    ///
    /// # Errors
    /// Says what PostgreSQL said.
    pub fn start_standby(&self) -> Result<Self> {
        let (binaries, folder, user) = place()?;
        let mut copy = as_user(Command::new(binaries.program("pg_basebackup")), user, folder.path());
        copy.args(["-U", "postgres", "-R", "-c", "fast", "-h"]).arg(self.socket_folder());
        let made = copy.arg("-D").arg(folder.path().join("data")).output()?;
        if !made.status.success() {
            let output = String::from_utf8_lossy(&made.stderr).into_owned();
            return Err(Error::Failed { program: "pg_basebackup", output });
        }
        let standby = Self { keepers: Mutex::default(), binaries, folder, user, databases: AtomicU32::new(0) };
        standby.start_again()?;
        Ok(standby)
    }

    /// Kills it, as a crash does: nothing is finished, nothing is written any more.
    ///
    /// # Errors
    /// Gives what the operating system says.
    pub fn crash(&self) -> Result<()> {
        let pid = std::fs::read_to_string(self.folder.path().join("data/postmaster.pid"))?;
        let pid = pid.lines().next().unwrap_or_default().to_owned();
        // Sessions outlive it for a moment, in which they would still answer.
        let sessions =
            "SELECT pid::text FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
        let sessions = self.connect("postgres", "postgres")?.query(sessions, &[])?;
        let sessions: Vec<String> = sessions.iter().map(|row| row.get(0)).collect();
        let killed = Command::new("kill").args(["-KILL", &pid]).output()?;
        // One that has ended by itself is no error.
        Command::new("kill").arg("-KILL").args(&sessions).output()?;
        if !killed.status.success() {
            return Err(Error::Failed {
                program: "kill",
                output: String::from_utf8_lossy(&killed.stderr).into_owned(),
            });
        }
        Ok(())
    }

    /// Starts it in its folder, after a [`crash`](Self::crash).
    ///
    /// # Errors
    /// Says what PostgreSQL said.
    pub fn start_again(&self) -> Result<()> {
        let began = Instant::now();
        let log = self.folder.path().join("log");
        loop {
            // What the one before said would be taken for what this one says, and a third started beside it.
            if let Err(error) = std::fs::remove_file(&log)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                return Err(error.into());
            }
            let mut keeper = as_user(Command::new("/bin/sh"), self.user, self.folder.path());
            keeper.args(["-c", KEEPER, "keeper"]).arg(self.binaries.program("postgres")).arg(self.folder.path());
            let keeper = keeper.stdin(Stdio::piped()).process_group(0).spawn()?;
            self.keepers.lock().unwrap_or_else(PoisonError::into_inner).push(keeper);
            match self.wait_until_it_answers() {
                // What a killed server left behind may take a moment to go.
                Err(Error::Failed { output, .. }) if gave_up(&output) && began.elapsed() < PATIENCE => {}
                other => return other,
            }
        }
    }

    fn wait_until_it_answers(&self) -> Result<()> {
        let began = Instant::now();
        loop {
            match self.connect("postgres", "postgres") {
                Ok(_) => return Ok(()),
                Err(_) if began.elapsed() < PATIENCE && !self.has_given_up() => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(_) => {
                    let output = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                    return Err(Error::Failed { program: "postgres", output });
                }
            }
        }
    }

    /// Whether it said that it can't start, which it does at once.
    fn has_given_up(&self) -> bool {
        gave_up(&std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default())
    }

    pub(crate) fn connect(&self, database: &str, user: &str) -> Result<postgres::Client> {
        Ok(postgres::Client::connect(&self.dsn(database, user), postgres::NoTls)?)
    }

    /// A connection string, for any client.
    #[must_use]
    pub fn dsn(&self, database: &str, user: &str) -> String {
        format!("host={} user={user} dbname={database}", self.socket_folder().display())
    }

    /// The folder that its socket is in.
    #[must_use]
    pub fn socket_folder(&self) -> &Path {
        self.folder.path()
    }

    /// A folder that the server can read and write, as `COPY` and `pg_read_file` do.
    #[must_use]
    pub fn files_folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// A program of the same PostgreSQL, told by its environment where the server is (`PGHOST`, `PGUSER`).
    #[must_use]
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.binaries.program(name));
        command.env("PGHOST", self.socket_folder()).env("PGUSER", "postgres").env("PGOPTIONS", "");
        command
    }

    /// The operating system's user and group that the server runs as, when that is not us.
    #[must_use]
    pub fn user(&self) -> Option<(u32, u32)> {
        self.user
    }

    /// A new empty database.
    ///
    /// # Errors
    /// Gives what the server says.
    pub fn create_database(&self) -> Result<Database<'_>> {
        self.create_database_from("template0")
    }

    /// A new database, a copy of `template`, which nobody may be connected to.
    ///
    /// # Errors
    /// Gives what the server says.
    pub fn create_database_from(&self, template: &str) -> Result<Database<'_>> {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut client = self.connect("postgres", "postgres")?;
        client.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}"))?;
        Ok(Database::new(self, name))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The last one has the server; what the first one removes is the folder.
        let keepers = std::mem::take(self.keepers.get_mut().unwrap_or_else(PoisonError::into_inner));
        for mut keeper in keepers.into_iter().rev() {
            drop(keeper.stdin.take());
            // Nothing to be done about an error here; the folder goes in any case.
            let _ = keeper.wait();
        }
    }
}

/// Whether a server says that one before it has not gone yet.
fn gave_up(log: &str) -> bool {
    log.contains("FATAL:  pre-existing shared memory block") || log.contains("FATAL:  lock file")
}

/// Where a server's programs are, its folder, and who runs it.
type Place = (Binaries, TempDir, Option<(u32, u32)>);

fn place() -> Result<Place> {
    let binaries = Binaries::find()?;
    // A unix socket's path has a limit of about 100 bytes, which a deep temporary folder would pass.
    let folder = tempfile::Builder::new().prefix("opledger-pg-").tempdir_in("/tmp")?;
    let user = unprivileged_user(folder.path())?;
    if let Some((uid, gid)) = user {
        chown(folder.path(), Some(uid), Some(gid))?;
    }
    Ok((binaries, folder, user))
}

/// The server refuses to run as root: then somebody else runs it.
fn unprivileged_user(ours: &Path) -> Result<Option<(u32, u32)>> {
    if std::fs::metadata(ours)?.uid() != 0 {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd")?;
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| {
            let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
            let mut fields = line.split(':').skip(2);
            Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
        })
        .map(Some)
        .ok_or(Error::NoUser)
}

fn as_user(mut command: Command, user: Option<(u32, u32)>, folder: &Path) -> Command {
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command.current_dir(folder).env("LC_ALL", "C").stdin(Stdio::null());
    command
}
