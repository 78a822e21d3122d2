//! Logging in.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::attempts::Attempts;
use super::documents::{TRIES, overtaken, put, read};
use super::record::Going;
use super::rows::{self, SessionRow};
use super::{Login, UserAnswer, check, user_key};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::Hash;
use crate::model::{Document, Kind, random};
use crate::store::{Call, Outcome, Refusal, Scope, Store, Unit};
use crate::time::Timestamp;
use crate::tracker::Tracker;

impl<S: Store> Tracker<S> {
    /// Logs a user in and opens a session; records the outcome as an operation. The tracker must be the tenant's own or
    /// [`for_all`](Self::for_all).
    ///
    /// An unknown user and a wrong password take the same work and give the same answer. Dropping the future takes
    /// back nothing that it did.
    ///
    /// # Errors
    /// Gives, with the operation's key, 28P01 when e-mail or password is wrong, 28000 when too many logins failed, 22001
    /// or 22023 naming the field when it is too long or holds a NUL, 42501 when the tracker may not work for this tenant,
    /// 42883 when nothing here knows bcrypt; else the store's error, or 40001 when other logins were always faster.
    pub async fn login_user(&self, email: &str, password: &SecretString, tenant: Hash) -> Result<UserAnswer<Login>> {
        self.login(email, password, tenant).await.map_err(|error| error.during("login_user"))
    }

    async fn login(&self, email: &str, password: &SecretString, tenant: Hash) -> Result<UserAnswer<Login>> {
        if check::may_work_for(self.scope(), tenant).is_ok() {
            let (email, password) = (SecretString::from(email), password.clone());
            let call = Call::LoginUser { email, password, tenant };
            if let Some(reply) = self.store().call(self.scope(), &call).await? {
                return Login::of(reply);
            }
        }
        let mut going = self.begin("User login");
        match self.attempt(&mut going, email, password, tenant).await {
            Ok(opened) => {
                let Opened { units, session_token, expires_at, user_hk } = opened;
                let operation_id = self.record(&going, units, None).await?;
                Ok(UserAnswer::Ours(Login { session_token, expires_at, user_hk, tenant_hk: tenant, operation_id }))
            }
            Err(error) => Err(self.refuse(&going, error).await),
        }
    }

    async fn attempt(&self, going: &mut Going, email: &str, password: &SecretString, tenant: Hash) -> Result<Opened> {
        check::login(email, password)?;
        check::may_work_for(self.scope(), tenant)?;
        let settings = &self.users().settings;
        settings.check()?;
        let user = user_key(tenant, email);
        going.user = Some(user);
        self.users().check_feature()?;
        let credential = read(self.store(), Scope::Tenant(tenant), Kind::Credential, user).await?;
        if !self.count_attempt(user, tenant, credential.as_ref(), password).await? {
            return Err(Error::new(ErrorKind::InvalidPassword, "e-mail or password is wrong"));
        }
        let mut opened = self.open_session(user, tenant)?;
        if let Some(credential) = credential
            && rows::cost(&credential)? != settings.bcrypt_cost
        {
            // Another login of this user may have moved it meanwhile; then that one stands.
            opened.units.push(self.next_credential(user, tenant, password, Some(&credential)).await?);
        }
        Ok(opened)
    }

    /// Checks the password and counts the attempt, unless there were too many; gives whether it was right.
    async fn count_attempt(
        &self,
        user: Hash,
        tenant: Hash,
        credential: Option<&Document>,
        password: &SecretString,
    ) -> Result<bool> {
        let settings = &self.users().settings;
        let mut checked = None;
        for _ in 0..TRIES {
            let open = read(self.store(), Scope::Tenant(tenant), Kind::Attempts, user).await?;
            let attempts = Attempts::of(open.as_ref())?;
            // Whatever the password: else one could go on guessing. Not counted: else a lock would never end.
            attempts.check(self.now(), settings)?;
            let success = match checked {
                Some(success) => success,
                None => *checked.insert(self.check_password(password, credential, tenant).await?),
            };
            let failed_at = attempts.after(success, self.now());
            let next = self.version((Kind::Attempts, user), tenant, rows::failures(&failed_at)?, open.as_ref())?;
            let outcomes = self.store().commit(vec![put(next, open.as_ref())?]).await?;
            match outcomes.first() {
                Some(Outcome::Done(_) | Outcome::Replayed(_)) => return Ok(success),
                // Another attempt came between: it may have been the one too many, even if this password is right.
                Some(Outcome::Conflict { .. } | Outcome::Refused(Refusal::Moved | Refusal::NotLater)) => {}
                other => {
                    let message = format!("the store broke its contract: attempts were answered with {other:?}");
                    return Err(Error::new(ErrorKind::Corrupt, message));
                }
            }
        }
        Err(overtaken(Kind::Attempts))
    }

    async fn check_password(
        &self,
        password: &SecretString,
        credential: Option<&Document>,
        tenant: Hash,
    ) -> Result<bool> {
        let users = self.users();
        let mut stored = None;
        if let Some(credential) = credential {
            let cost = rows::cost(credential)?;
            users.costliest.raise(tenant, cost);
            stored = Some((rows::password_hash(credential)?, cost));
        }
        let costliest = users.costliest.of(self.store(), tenant).await?;
        users.check(password, stored, costliest.max(users.settings.bcrypt_cost)).await
    }

    /// The unit that gives a user a credential of the cost that is set.
    pub(super) async fn next_credential(
        &self,
        user: Hash,
        tenant: Hash,
        password: &SecretString,
        open: Option<&Document>,
    ) -> Result<Unit> {
        let users = self.users();
        let body = rows::credential(&users.hash(password).await?)?;
        users.costliest.raise(tenant, users.settings.bcrypt_cost);
        put(self.version((Kind::Credential, user), tenant, body, open)?, open)
    }

    /// A session whose token is in this answer and nowhere else; 256 random bits need no salt.
    fn open_session(&self, user: Hash, tenant: Hash) -> Result<Opened> {
        let bytes: [u8; 32] = random()?;
        let session_token = SecretString::from(Hash::from_bytes(bytes).to_string());
        let minutes = u64::from(self.users().settings.session_minutes);
        let expires_at = self.now().after(Duration::from_secs(minutes * 60));
        let body = SessionRow { user, active: true, expires_at }.body()?;
        let key = Hash::of(session_token.expose_secret());
        let units = vec![put(self.version((Kind::Session, key), tenant, body, None)?, None)?];
        Ok(Opened { units, session_token, expires_at: whole_seconds(expires_at), user_hk: user })
    }
}

/// A session that is not stored yet.
struct Opened {
    units: Vec<Unit>,
    session_token: SecretString,
    expires_at: Timestamp,
    user_hk: Hash,
}

/// As answers have it, in SQL as here.
pub(super) fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_micros(time.as_micros().div_euclid(1_000_000) * 1_000_000)
}
