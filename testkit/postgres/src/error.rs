//! What can go wrong before a test even begins.

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// PostgreSQL is not installed, or not found.
    #[error(
        "no PostgreSQL server found on PATH, by pg_config or in the usual folders; install it: apt-get install {}",
        crate::PACKAGE
    )]
    Missing,
    /// Root may not run a server, and there is nobody else to run it as.
    #[error("the user root can't run PostgreSQL, and there is no user postgres or nobody to run it as")]
    NoUser,
    /// A program of PostgreSQL failed.
    #[error("{program} failed: {output}")]
    Failed {
        /// Which one.
        program: &'static str,
        /// What it said.
        output: String,
    },
    /// The operating system refused.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The server refused.
    #[error("{0}")]
    Sql(#[from] postgres::Error),
}
