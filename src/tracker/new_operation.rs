//! What is said of an operation when it starts.

use std::net::IpAddr;

use crate::hash::Metadata;

/// A new operation, as it is described when it starts.
///
/// ```
/// use opledger::NewOperation;
/// let backup = NewOperation::new("Source backup").script_type("BACKUP").object("src");
/// ```
#[derive(Debug, Clone)]
pub struct NewOperation {
    pub(super) name: String,
    pub(super) script_type: String,
    pub(super) user: Option<String>,
    pub(super) client_ip: Option<IpAddr>,
    pub(super) objects: Vec<String>,
    pub(super) sql_command: Option<String>,
    pub(super) metadata: Option<Metadata>,
}

impl NewOperation {
    /// An operation called `name`, of type `MANUAL`.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            script_type: "MANUAL".to_owned(),
            user: None,
            client_ip: None,
            objects: Vec::new(),
            sql_command: None,
            metadata: None,
        }
    }

    /// Of another type: one of MANUAL, DDL_AUTO, MAINTENANCE, MIGRATION, BACKUP, REPORTING, or any word.
    #[must_use]
    pub fn script_type(mut self, script_type: impl Into<String>) -> Self {
        self.script_type = script_type.into();
        self
    }

    /// Run by this user.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Asked for from this address.
    #[must_use]
    pub fn client_ip(mut self, address: IpAddr) -> Self {
        self.client_ip = Some(address);
        self
    }

    /// On this object, too.
    #[must_use]
    pub fn object(mut self, object: impl Into<String>) -> Self {
        self.objects.push(object.into());
        self
    }

    /// By this statement or command line.
    #[must_use]
    pub fn sql_command(mut self, command: impl Into<String>) -> Self {
        self.sql_command = Some(command.into());
        self
    }

    /// With this metadata.
    #[must_use]
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = Some(metadata);
        self
    }
}
