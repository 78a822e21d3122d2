//! The same calls for plain `fn main`.

use pollster::block_on;
use secrecy::SecretString;

use super::{Login, Registration, Session, UserAnswer, UserData};
use crate::blocking::Tracker;
use crate::error::Result;
use crate::hash::Hash;
use crate::store::Store;

/// Users. Each call is documented on [`Tracker`](crate::tracker::Tracker), with its errors.
#[allow(clippy::missing_errors_doc)]
impl<S: Store> Tracker<S> {
    /// See [`register_tenant`](crate::tracker::Tracker::register_tenant).
    pub fn register_tenant(&self, tenant_id: &str) -> Result<Hash> {
        block_on(self.inner().register_tenant(tenant_id))
    }
    /// See [`register_user`](crate::tracker::Tracker::register_user).
    pub fn register_user(&self, data: &UserData) -> Result<UserAnswer<Registration>> {
        block_on(self.inner().register_user(data))
    }
    /// See [`login_user`](crate::tracker::Tracker::login_user).
    pub fn login_user(&self, email: &str, password: &SecretString, tenant: Hash) -> Result<UserAnswer<Login>> {
        block_on(self.inner().login_user(email, password, tenant))
    }
    /// See [`validate_session`](crate::tracker::Tracker::validate_session).
    pub fn validate_session(&self, token: &SecretString, tenant: Hash) -> Result<Session> {
        block_on(self.inner().validate_session(token, tenant))
    }
    /// See [`revoke_session`](crate::tracker::Tracker::revoke_session).
    pub fn revoke_session(&self, token: &SecretString, tenant: Hash) -> Result<()> {
        block_on(self.inner().revoke_session(token, tenant))
    }
}
