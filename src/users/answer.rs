//! What calls about users answer, and how a store's own answers are read.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, ErrorKind, Result};
use crate::hash::json::Json;
use crate::hash::{Hash, write_string};
use crate::store::Reply;
use crate::time::Timestamp;

/// Who answered a login or a registration. Only in PostgreSQL is it ever the site: where it has an `auth.login_user` or
/// `auth.register_user` of its own, that one is called instead.
#[derive(Debug, Clone)]
pub enum UserAnswer<T> {
    /// Opledger.
    Ours(T),
    /// The site's own function.
    Site(SiteAnswer),
}

impl<T> UserAnswer<T> {
    /// What Opledger answered.
    ///
    /// # Errors
    /// Gives 22023 when the site's own function answered instead.
    pub fn ours(self) -> Result<T> {
        match self {
            Self::Ours(answer) => Ok(answer),
            Self::Site(_) => {
                let message = "the site's own function answered, in a shape of its own: look at UserAnswer::Site";
                Err(Error::new(ErrorKind::InvalidValue, message))
            }
        }
    }
}

/// The answer of a site's own function, as it is; it may hold a token, and prints nothing.
#[derive(Debug, Clone)]
pub struct SiteAnswer(SecretString);

impl SiteAnswer {
    /// Whether it says that it did what was asked.
    #[must_use]
    pub fn success(&self) -> bool {
        match Json::parse(self.0.expose_secret()) {
            Ok(Json::Object(members)) => members.iter().any(|(key, value)| {
                key == "success" && (*value == Json::Bool(true) || *value == Json::String("true".into()))
            }),
            _ => false,
        }
    }

    /// The answer, a JSON text.
    #[must_use]
    pub fn json(&self) -> &SecretString {
        &self.0
    }
}

/// A login that succeeded, with the session that it opened.
#[derive(Debug, Clone)]
pub struct Login {
    /// What the user shows from now on. It is in this answer and nowhere else.
    pub session_token: SecretString,
    /// When the session ends, in whole seconds.
    pub expires_at: Timestamp,
    /// The user.
    pub user_hk: Hash,
    /// The user's tenant.
    pub tenant_hk: Hash,
    /// The operation that records the login.
    pub operation_id: Hash,
}

impl Login {
    /// The answer as JSON, in the shape of the SQL function. It holds the token.
    #[must_use]
    pub fn response(&self, at: Timestamp) -> SecretString {
        let Self { session_token, expires_at, user_hk, tenant_hk, operation_id } = self;
        let head = head(Some(*operation_id), at);
        let expires_at = expires_at.to_seconds_text();
        SecretString::from(format!(
            r#"{head}, "user_hk": "{user_hk}", "tenant_hk": "{tenant_hk}", "expires_at": "{expires_at}", "session_token": "{}"}}"#,
            session_token.expose_secret()
        ))
    }

    pub(super) fn of(reply: Reply) -> Result<UserAnswer<Self>> {
        read(reply, |fields| {
            Ok(Self {
                session_token: SecretString::from(fields.text("session_token")?),
                expires_at: fields.time("expires_at")?,
                user_hk: fields.hash("user_hk")?,
                tenant_hk: fields.hash("tenant_hk")?,
                operation_id: fields.operation()?,
            })
        })
    }
}

/// A registration that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registration {
    /// The user.
    pub user_hk: Hash,
    /// The user's tenant.
    pub tenant_hk: Hash,
    /// The operation that records the registration.
    pub operation_id: Hash,
}

impl Registration {
    /// The answer as JSON, in the shape of the SQL function.
    #[must_use]
    pub fn response(&self, at: Timestamp) -> String {
        let Self { user_hk, tenant_hk, operation_id } = self;
        format!(r#"{}, "user_hk": "{user_hk}", "tenant_hk": "{tenant_hk}"}}"#, head(Some(*operation_id), at))
    }

    pub(super) fn of(reply: Reply) -> Result<UserAnswer<Self>> {
        read(reply, |fields| {
            Ok(Self {
                user_hk: fields.hash("user_hk")?,
                tenant_hk: fields.hash("tenant_hk")?,
                operation_id: fields.operation()?,
            })
        })
    }
}

/// Whose session a token is.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// The user.
    pub user_hk: Hash,
    /// The user's tenant.
    pub tenant_hk: Hash,
    /// The user's e-mail.
    pub email: String,
    /// When the session ends, in whole seconds.
    pub expires_at: Timestamp,
}

impl fmt::Debug for Session {
    /// Leaves the e-mail out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("user_hk", &self.user_hk)
            .field("tenant_hk", &self.tenant_hk)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// The answer as JSON, in the shape of the SQL function.
    #[must_use]
    pub fn response(&self, at: Timestamp) -> String {
        let Self { user_hk, tenant_hk, email, expires_at } = self;
        let mut text = String::from("{\"email\": ");
        write_string(email, &mut text);
        let rest = head(None, at).split_off(1);
        let expires_at = expires_at.to_seconds_text();
        text.push_str(&format!(
            r#", {rest}, "user_hk": "{user_hk}", "tenant_hk": "{tenant_hk}", "expires_at": "{expires_at}"}}"#
        ));
        text
    }

    pub(super) fn of(reply: Reply) -> Result<Self> {
        let session = |fields: &Fields<'_>| {
            Ok(Self {
                user_hk: fields.hash("user_hk")?,
                tenant_hk: fields.hash("tenant_hk")?,
                email: fields.text("email")?.to_owned(),
                expires_at: fields.time("expires_at")?,
            })
        };
        read(reply, session)?.ours()
    }
}

/// The part of a success that all have, without the closing brace.
fn head(operation: Option<Hash>, at: Timestamp) -> String {
    let operation = operation.map_or_else(|| "null".to_owned(), |hk| format!("\"{hk}\""));
    let at = at.to_seconds_text();
    format!(r#"{{"details": {{"timestamp": "{at}", "operation_id": {operation}}}, "success": true"#)
}

pub(super) fn done(reply: Reply) -> Result<()> {
    read(reply, |_| Ok(()))?.ours()
}

pub(super) fn tenant(reply: Reply) -> Result<Hash> {
    read(reply, |fields| fields.hash("tenant_hk"))?.ours()
}

fn read<T>(reply: Reply, ours: impl FnOnce(&Fields<'_>) -> Result<T>) -> Result<UserAnswer<T>> {
    if reply.by_site {
        return Ok(UserAnswer::Site(SiteAnswer(reply.answer)));
    }
    let answer = Json::parse(reply.answer.expose_secret()).map_err(|_| unreadable("answer"))?;
    let fields = Fields(&answer);
    if fields.get("success") == Some(&Json::Bool(true)) {
        return ours(&fields).map(UserAnswer::Ours);
    }
    let kind = ErrorKind::from_sqlstate(fields.text("error_code")?).ok_or_else(|| unreadable("error_code"))?;
    let mut error = Error::new(kind, fields.text("error_message")?);
    if let Ok(operation) = fields.operation() {
        error = error.on(operation);
    }
    if let Some(Json::Array(suggestions)) = fields.details().and_then(|details| details.get("suggestions"))
        && let Some(Json::String(first)) = suggestions.first()
    {
        error = error.suggest(first.clone().into_owned());
    }
    Err(error)
}

struct Fields<'a>(&'a Json<'a>);

impl<'a> Fields<'a> {
    fn get(&self, key: &str) -> Option<&'a Json<'a>> {
        match self.0 {
            Json::Object(members) => members.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    fn details(&self) -> Option<Self> {
        self.get("details").map(Fields)
    }

    fn text(&self, key: &str) -> Result<&'a str> {
        match self.get(key) {
            Some(Json::String(text)) => Ok(text),
            _ => Err(unreadable(key)),
        }
    }

    fn hash(&self, key: &str) -> Result<Hash> {
        self.text(key)?.parse().map_err(|_| unreadable(key))
    }

    fn time(&self, key: &str) -> Result<Timestamp> {
        self.text(key)?.parse().map_err(|_| unreadable(key))
    }

    fn operation(&self) -> Result<Hash> {
        self.details().ok_or_else(|| unreadable("details"))?.hash("operation_id")
    }
}

/// The value is not repeated: it may be a secret.
fn unreadable(field: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the store's answer has no readable {field}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(text: &str, by_site: bool) -> Reply {
        Reply { answer: SecretString::from(text), by_site }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let (hash, at) = (Hash::of("a"), Timestamp::from_micros(1_705_329_025_000_000));
        let (user_hk, tenant_hk, operation_id, expires_at) = (hash, Hash::of("b"), Hash::of("c"), at);
        let token = SecretString::from("0123");
        let login = Login { session_token: token, expires_at, user_hk, tenant_hk, operation_id };
        let text = login.response(at);
        assert!(!format!("{login:?}").contains("0123"), "{login:?}");
        let again = Login::of(Reply { answer: text.clone(), by_site: false }).unwrap().ours().unwrap();
        assert_eq!(again.response(at).expose_secret(), text.expose_secret());
        let registration = Registration { user_hk, tenant_hk, operation_id };
        let again = Registration::of(reply(&registration.response(at), false)).unwrap().ours().unwrap();
        assert_eq!(again, registration);
        let session = Session { user_hk, tenant_hk, email: "o'\"brien@example.org".to_owned(), expires_at };
        assert_eq!(Session::of(reply(&session.response(at), false)).unwrap(), session);
        assert!(!format!("{session:?}").contains("brien"), "{session:?}");
        for text in [text.expose_secret().to_owned(), registration.response(at), session.response(at)] {
            let metadata = crate::hash::Metadata::parse(&text).unwrap();
            assert_eq!(metadata.as_str(), text, "as jsonb prints it");
        }
    }

    #[test]
    fn an_error_keeps_its_code_words_and_operation() {
        let hash = Hash::of("a");
        let text = format!(
            r#"{{"success": false, "error_code": "28P01", "error_message": "no", "details": {{"operation_id": "{hash}",
            "timestamp": "2024-01-15T14:30:25Z", "suggestions": ["Think"]}}}}"#
        );
        let error = Login::of(reply(&text, false)).unwrap_err();
        assert_eq!(
            (error.kind(), error.message(), error.operation_id()),
            (ErrorKind::InvalidPassword, "no", Some(hash))
        );
        assert_eq!(error.response(Timestamp::from_micros(0)).details.suggestions, ["Think"]);
        for broken in ["", "[]", "{}", r#"{"success": true}"#, r#"{"success": false, "error_code": "P0001"}"#] {
            assert_eq!(Login::of(reply(broken, false)).unwrap_err().kind(), ErrorKind::Corrupt, "{broken}");
        }
    }

    #[test]
    fn a_sites_answer_is_given_as_it_is() {
        for (text, success) in [(r#"{"success":"true"}"#, true), (r#"{"success": true}"#, true), ("{}", false)] {
            let answer = Login::of(reply(text, true)).unwrap();
            let UserAnswer::Site(site) = &answer else { panic!("{answer:?}") };
            assert_eq!((site.json().expose_secret(), site.success()), (text, success));
            assert_eq!(answer.ours().unwrap_err().kind(), ErrorKind::InvalidValue);
        }
    }
}
