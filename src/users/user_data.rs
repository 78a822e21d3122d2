//! What a registration is made from.

use secrecy::{ExposeSecret, SecretString};

use super::check;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::json::{Json, Members};
use crate::hash::write_string;

/// A user to be registered: a JSON object with `email`, `password` and `tenant_id`. It prints nothing of it.
///
/// ```
/// use opledger::users::{SecretString, UserData};
/// let data = UserData::new("bob@example.org", &SecretString::from("correct horse battery"), "acme");
/// assert!(!format!("{data:?}").contains("horse"));
/// ```
#[derive(Debug, Clone)]
pub struct UserData(SecretString);

impl UserData {
    /// A user of a tenant, which is named by its own id.
    #[must_use]
    pub fn new(email: &str, password: &SecretString, tenant_id: &str) -> Self {
        let password = password.expose_secret();
        // Enough for all of it escaped, so that no copy of the password is left behind.
        let mut text = String::with_capacity(64 + 6 * (email.len() + password.len() + tenant_id.len()));
        for (key, value) in [("{\"email\": ", email), (", \"password\": ", password), (", \"tenant_id\": ", tenant_id)]
        {
            text.push_str(key);
            write_string(value, &mut text);
        }
        text.push('}');
        Self(SecretString::from(text))
    }

    /// A user as a client sent it. What it holds is checked when it is registered; a site's own function may take more.
    ///
    /// # Errors
    /// Gives 22P02 when the text is no JSON, 22023 when it is over the limits of metadata; what it holds is not repeated.
    pub fn from_json(text: SecretString) -> Result<Self> {
        Json::parse(text.expose_secret()).map_err(|cause| {
            let kind = ErrorKind::from_sqlstate(cause.sqlstate()).unwrap_or(ErrorKind::InvalidText);
            Error::new(kind, format!("p_user_data: {cause}"))
        })?;
        Ok(Self(text))
    }

    pub(super) fn json(&self) -> &SecretString {
        &self.0
    }

    /// The tenant's id, where there is one that can be.
    pub(super) fn tenant_id(&self) -> Option<String> {
        match Json::parse(self.0.expose_secret()).ok()? {
            Json::Object(members) => match member(members, "tenant_id")? {
                Json::String(text) => Some(text.into_owned()),
                _ => None,
            },
            _ => None,
        }
    }

    /// The fields, when they have the shape they must have.
    pub(super) fn fields(&self) -> Result<Fields> {
        let members = match Json::parse(self.0.expose_secret())? {
            Json::Object(members) => members,
            other => return Err(wrong(format!("p_user_data must be an object, not {}", type_of(&other)))),
        };
        let text = |key: &str| match member(members.clone(), key) {
            None | Some(Json::Null) => {
                Err(Error::new(ErrorKind::MissingValue, format!("{key} must be there, and not null")))
            }
            Some(Json::String(text)) => Ok(text.into_owned()),
            Some(other) => Err(wrong(format!("{key} must be a string, not {}", type_of(&other)))),
        };
        let email = text("email")?;
        let password = SecretString::from(text("password")?);
        let tenant_id = text("tenant_id")?;
        check::tenant_id("tenant_id", &tenant_id)?;
        if members.iter().any(|(key, _)| !["email", "password", "tenant_id"].contains(&key.as_ref())) {
            return Err(wrong("p_user_data has a key other than email, password and tenant_id"));
        }
        Ok(Fields { email, password, tenant_id })
    }
}

pub(super) struct Fields {
    pub(super) email: String,
    pub(super) password: SecretString,
    pub(super) tenant_id: String,
}

fn member<'a>(members: Members<'a>, key: &str) -> Option<Json<'a>> {
    members.into_iter().find(|(name, _)| name == key).map(|(_, value)| value)
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidValue, message)
}

/// The word that jsonb_typeof has.
fn type_of(json: &Json<'_>) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}
