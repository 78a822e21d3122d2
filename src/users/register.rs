//! Registering tenants and users.

use super::documents::{is_done, put, read};
use super::record::Going;
use super::{Registration, UserAnswer, UserData, answer, check, rows, user_key};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::{Hash, hash_key};
use crate::model::Kind;
use crate::store::{Call, Outcome, Refusal, Scope, Store};
use crate::tracker::Tracker;

/// The longest name of who registers a tenant, in bytes: PostgreSQL's type `name` holds no more.
const MAX_NAME: usize = 63;

impl<S: Store> Tracker<S> {
    /// Registers a tenant and gives its hash key; one that is registered already stays as it is. A tracker of one tenant
    /// may not.
    ///
    /// # Errors
    /// Gives 22001 when the id is over 255 characters, 22023 when it is empty or holds a NUL, 42501 on a tenant's own
    /// tracker, else the store's error.
    pub async fn register_tenant(&self, tenant_id: &str) -> Result<Hash> {
        self.add_tenant(tenant_id).await.map_err(|error| error.during("register_tenant"))
    }

    async fn add_tenant(&self, tenant_id: &str) -> Result<Hash> {
        if matches!(self.scope(), Scope::Tenant(_)) {
            let error = Error::new(ErrorKind::Permission, "a tracker of one tenant may not register tenants");
            return Err(error.suggest("Register tenants by the system's own tracker."));
        }
        check::tenant_id("p_tenant_id", tenant_id)?;
        if tenant_id.is_empty() {
            return Err(Error::new(ErrorKind::InvalidValue, "p_tenant_id must not be empty"));
        }
        let call = Call::RegisterTenant { tenant_id: tenant_id.to_owned() };
        if let Some(reply) = self.store().call(self.scope(), &call).await? {
            return answer::tenant(reply);
        }
        let tenant = hash_key(tenant_id);
        let registered_by = self.user().unwrap_or(self.record_source());
        if registered_by.len() > MAX_NAME {
            let message = format!("registered_by is {} bytes long; the limit is {MAX_NAME}", registered_by.len());
            return Err(Error::new(ErrorKind::TooLong, message));
        }
        if read(self.store(), Scope::Tenant(tenant), Kind::Tenant, tenant).await?.is_none() {
            let body = rows::tenant(tenant_id, registered_by)?;
            let first = self.version((Kind::Tenant, tenant), tenant, body, None)?;
            // A conflict says that somebody else registered it meanwhile: it is registered.
            self.store().commit(vec![put(first, None)?]).await?;
        }
        Ok(tenant)
    }

    /// Registers a user in a tenant; records the outcome as an operation. The tracker must be the tenant's own or
    /// [`for_all`](Self::for_all).
    ///
    /// # Errors
    /// Gives, with the operation's key, 22004, 22001 or 22023 naming what is missing, too long or wrong in the data, 23505
    /// when the tenant has a user of that e-mail, 42501 when the tracker may not work for the tenant, 42883 when nothing
    /// here knows bcrypt; else the store's error.
    pub async fn register_user(&self, data: &UserData) -> Result<UserAnswer<Registration>> {
        self.register(data).await.map_err(|error| error.during("register_user"))
    }

    async fn register(&self, data: &UserData) -> Result<UserAnswer<Registration>> {
        let tenant = data.tenant_id().map(|tenant_id| hash_key(&tenant_id));
        if tenant.is_none_or(|tenant| check::may_work_for(self.scope(), tenant).is_ok()) {
            let call = Call::RegisterUser { data: data.json().clone() };
            if let Some(reply) = self.store().call(self.scope(), &call).await? {
                return Registration::of(reply);
            }
        }
        let mut going = self.begin("User registration");
        match self.add_user(&mut going, data).await {
            Ok((user_hk, tenant_hk)) => {
                let operation_id = self.record(&going, Vec::new(), None).await?;
                Ok(UserAnswer::Ours(Registration { user_hk, tenant_hk, operation_id }))
            }
            Err(error) => Err(self.refuse(&going, error).await),
        }
    }

    async fn add_user(&self, going: &mut Going, data: &UserData) -> Result<(Hash, Hash)> {
        let fields = data.fields()?;
        let tenant = hash_key(&fields.tenant_id);
        let user = user_key(tenant, &fields.email);
        going.user = Some(user);
        let settings = &self.users().settings;
        settings.check()?;
        check::email(&fields.email)?;
        check::new_password(&fields.password, settings)?;
        check::may_work_for(self.scope(), tenant)?;
        let scope = Scope::Tenant(tenant);
        if read(self.store(), scope, Kind::Tenant, tenant).await?.is_none() {
            let error = Error::new(ErrorKind::InvalidValue, "tenant_id is not the id of a registered tenant");
            return Err(error.suggest("Let an administrator call register_tenant."));
        }
        if read(self.store(), scope, Kind::Credential, user).await?.is_some() {
            return Err(taken());
        }
        self.users().check_feature()?;
        // Of two registrations at once, the one whose credential is stored is the one that happened. So a user who is
        // there without one, because a crash came between, can be registered.
        let credential = self.next_credential(user, tenant, &fields.password, None).await?;
        let first = self.version((Kind::User, user), tenant, rows::user(&fields.email)?, None)?;
        let outcomes = self.store().commit(vec![put(first, None)?, credential]).await?;
        match outcomes.get(1) {
            stored if is_done(stored) => Ok((user, tenant)),
            Some(Outcome::Conflict { .. } | Outcome::Refused(Refusal::Moved)) => Err(taken()),
            other => {
                let message = format!("the store broke its contract: a credential was answered with {other:?}");
                Err(Error::new(ErrorKind::Corrupt, message))
            }
        }
    }
}

fn taken() -> Error {
    Error::new(ErrorKind::Conflict, "a user with this e-mail is registered already")
        .suggest("Log in, or register another e-mail.")
}
