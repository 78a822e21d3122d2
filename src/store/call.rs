//! Calls about users, for stores that carry them out themselves.

use secrecy::SecretString;

use crate::hash::Hash;

/// Something that a user of a tenant asks for, or that is asked about one. It prints no secret: whatever a person typed
/// may be a password in the wrong place.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Call {
    /// Register a tenant.
    RegisterTenant {
        /// Its own id.
        tenant_id: String,
    },
    /// Register a user.
    RegisterUser {
        /// A JSON object with `email`, `password` and `tenant_id`.
        data: SecretString,
    },
    /// Open a session.
    LoginUser {
        /// The user's e-mail.
        email: SecretString,
        /// The user's password.
        password: SecretString,
        /// The user's tenant.
        tenant: Hash,
    },
    /// Say whose session a token is.
    ValidateSession {
        /// The token.
        token: SecretString,
        /// The session's tenant.
        tenant: Hash,
    },
    /// End a session.
    RevokeSession {
        /// The token.
        token: SecretString,
        /// The session's tenant.
        tenant: Hash,
    },
}

/// What a store answered to a [`Call`].
#[derive(Debug, Clone)]
pub struct Reply {
    /// The answer, a JSON object with `success` and what the SQL function of that call returns.
    pub answer: SecretString,
    /// Whether a function of the site's own gave it: then nobody but the site knows its shape.
    pub by_site: bool,
}
