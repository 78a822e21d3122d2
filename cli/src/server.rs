//! The URL of a PostgreSQL server.

use std::ffi::OsStr;
use std::fmt;

use opledger_postgres::Config;

use crate::exit::{self, Failure};

/// A URL with what may be secret in it: `Debug` shows none of it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ServerUrl(String);

impl ServerUrl {
    /// What is wrong with it is bad usage, told before anything is done.
    pub(crate) fn new(url: &OsStr) -> Result<Self, Failure> {
        let url = url.to_str().ok_or_else(|| Failure::Usage("the server's URL is no UTF-8".to_owned()))?;
        let url = Self(url.to_owned());
        url.config().map_err(|error| Failure::Usage(exit::describe(&error)))?;
        Ok(url)
    }

    /// The URL itself, for another process of ours.
    pub(crate) fn secret(&self) -> &str {
        &self.0
    }

    /// What it says, and the environment where it says nothing.
    pub(crate) fn config(&self) -> opledger::Result<Config> {
        Config::new(&self.0)
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerUrl").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let url = ServerUrl::new(OsStr::new("postgres://me:hunter2@h/db")).unwrap();
        assert_eq!(format!("{url:?}"), "ServerUrl { .. }");
    }
}
