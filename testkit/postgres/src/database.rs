//! A database of a throwaway server.

use crate::{Result, Server};

/// One database; dropped with its server, or with [`Database::drop_now`].
#[derive(Debug)]
pub struct Database<'a> {
    server: &'a Server,
    name: String,
}

impl<'a> Database<'a> {
    pub(crate) fn new(server: &'a Server, name: String) -> Self {
        Self { server, name }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its server.
    #[must_use]
    pub fn server(&self) -> &'a Server {
        self.server
    }

    /// A connection string for one of its users.
    #[must_use]
    pub fn dsn(&self, user: &str) -> String {
        self.server.dsn(&self.name, user)
    }

    /// Connects as the superuser.
    ///
    /// # Errors
    /// Gives what the server says.
    pub fn connect(&self) -> Result<postgres::Client> {
        self.connect_as("postgres")
    }

    /// Connects as one of its users.
    ///
    /// # Errors
    /// Gives what the server says.
    pub fn connect_as(&self, user: &str) -> Result<postgres::Client> {
        self.server.connect(&self.name, user)
    }

    /// Drops it, whoever is still connected.
    ///
    /// # Errors
    /// Gives what the server says.
    pub fn drop_now(self) -> Result<()> {
        let mut client = self.server.connect("postgres", "postgres")?;
        Ok(client.batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name))?)
    }
}
