//! Sessions: whose a token is, and its end.

use secrecy::{ExposeSecret, SecretString};

use super::documents::{TRIES, is_done, overtaken, put, read};
use super::login::whole_seconds;
use super::rows::{self, SessionRow};
use super::{Session, answer, check};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::Hash;
use crate::model::{Document, Kind};
use crate::store::{Call, Scope, Store};
use crate::tracker::Tracker;

impl<S: Store> Tracker<S> {
    /// Says whose session a token is. Records nothing: it only reads.
    ///
    /// # Errors
    /// Gives 28000 when the session is unknown, revoked, expired or another tenant's: nobody is told which; 42501 when the
    /// tracker may not work for this tenant; else the store's error.
    pub async fn validate_session(&self, token: &SecretString, tenant: Hash) -> Result<Session> {
        self.validate(token, tenant).await.map_err(|error| error.during("validate_session"))
    }

    async fn validate(&self, token: &SecretString, tenant: Hash) -> Result<Session> {
        check::may_work_for(self.scope(), tenant)?;
        let call = Call::ValidateSession { token: token.clone(), tenant };
        if let Some(reply) = self.store().call(self.scope(), &call).await? {
            return Session::of(reply);
        }
        let (_, session) = self.valid_session(token, tenant).await?.ok_or_else(no_session)?;
        let user = read(self.store(), Scope::Tenant(tenant), Kind::User, session.user).await?;
        let email = rows::email(&user.ok_or_else(no_session)?)?;
        let expires_at = whole_seconds(session.expires_at);
        Ok(Session { user_hk: session.user, tenant_hk: tenant, email, expires_at })
    }

    /// Ends a session. Of two calls at once, one does.
    ///
    /// # Errors
    /// Gives 28000 when the session is unknown, revoked, expired or another tenant's; 42501 when the tracker may not
    /// work for this tenant; else the store's error.
    pub async fn revoke_session(&self, token: &SecretString, tenant: Hash) -> Result<()> {
        self.revoke(token, tenant).await.map_err(|error| error.during("revoke_session"))
    }

    async fn revoke(&self, token: &SecretString, tenant: Hash) -> Result<()> {
        check::may_work_for(self.scope(), tenant)?;
        let call = Call::RevokeSession { token: token.clone(), tenant };
        if let Some(reply) = self.store().call(self.scope(), &call).await? {
            return answer::done(reply);
        }
        for _ in 0..TRIES {
            let Some((open, session)) = self.valid_session(token, tenant).await? else {
                return Err(no_session().suggest("Nothing is to be revoked"));
            };
            let body = SessionRow { active: false, ..session }.body()?;
            let next = self.version((Kind::Session, open.key), tenant, body, Some(&open))?;
            if is_done(self.store().commit(vec![put(next, Some(&open))?]).await?.first()) {
                return Ok(());
            }
        }
        Err(overtaken(Kind::Session))
    }

    /// The session of a token, where there is one that is neither revoked nor expired.
    async fn valid_session(&self, token: &SecretString, tenant: Hash) -> Result<Option<(Document, SessionRow)>> {
        let key = Hash::of(token.expose_secret());
        let Some(open) = read(self.store(), Scope::Tenant(tenant), Kind::Session, key).await? else {
            return Ok(None);
        };
        let session = SessionRow::of(&open)?;
        Ok((session.active && session.expires_at > self.now()).then_some((open, session)))
    }
}

fn no_session() -> Error {
    Error::new(ErrorKind::InvalidAuthorization, "the session is unknown, revoked or expired")
}
