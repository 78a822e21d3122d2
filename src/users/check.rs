//! What is refused before any user is looked for. What is refused is not repeated: a password may stand in any place.

use secrecy::{ExposeSecret, SecretString};

use super::UserSettings;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::Hash;
use crate::model::check_chars;
use crate::store::Scope;

/// bcrypt reads so many bytes: two passwords that differ only later would be the same one.
const MAX_PASSWORD: usize = 72;
const MAX_EMAIL: usize = 254;

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidValue, message)
}

/// A local part of ASCII atoms with dots, and a domain with two labels or more.
pub(super) fn email(email: &str) -> Result<()> {
    check_chars("email", email, MAX_EMAIL)?;
    let parts = email.split_once('@').filter(|(local, domain)| is_local_part(local) && is_domain(domain));
    parts.map(|_| ()).ok_or_else(|| {
        wrong("email does not have the form name@domain")
            .suggest("ASCII only: write an international domain in its xn-- form.")
    })
}

fn is_local_part(text: &str) -> bool {
    let is_atom = |atom: &str| {
        !atom.is_empty() && atom.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c))
    };
    text.len() <= 64 && text.split('.').all(is_atom)
}

fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let Some((_, last)) = text.rsplit_once('.') else { return false };
    text.split('.').all(is_label) && last.len() >= 2 && last.starts_with(|c: char| c.is_ascii_alphabetic())
}

pub(super) fn new_password(password: &SecretString, settings: &UserSettings) -> Result<()> {
    let length = password.expose_secret().chars().count();
    if length < usize::try_from(settings.password_min_length).unwrap_or(usize::MAX) {
        return Err(wrong(format!("password must have {} characters or more", settings.password_min_length)));
    }
    password_length(password)
}

fn password_length(password: &SecretString) -> Result<()> {
    let password = password.expose_secret();
    if password.len() > MAX_PASSWORD {
        return Err(wrong(format!("password is {} bytes long; the limit is {MAX_PASSWORD}", password.len())));
    }
    if password.contains('\0') {
        return Err(wrong("password contains a NUL character (U+0000), which no text may hold"));
    }
    Ok(())
}

pub(super) fn login(email: &str, password: &SecretString) -> Result<()> {
    check_chars("p_email", email, 255)?;
    password_length(password)
}

pub(super) fn tenant_id(field: &str, tenant_id: &str) -> Result<()> {
    check_chars(field, tenant_id, 255)
}

/// A tracker of one tenant works for that one, one of all for any; the system has no users.
pub(super) fn may_work_for(scope: Scope, tenant: Hash) -> Result<()> {
    if scope.sees(Some(tenant)) {
        return Ok(());
    }
    let error = Error::new(ErrorKind::Permission, "this tracker may not work for this tenant");
    Err(error.suggest("Make a tracker of that tenant by for_tenant."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e_mail_addresses_have_a_form() {
        let (most, over) = ("x".repeat(64), "x".repeat(65));
        let good = ["a@b.co", "o'brien+tag@sub.example.org", "a.b-c_d@xn--bcher-kva.example", "x@1.2.io"];
        for good in good.map(str::to_owned).into_iter().chain([format!("{most}@b.co"), format!("a@{}.co", &most[1..])])
        {
            email(&good).unwrap();
        }
        let bad = [
            "",
            "@",
            "a@",
            "@b.co",
            "a@b",
            "a b@b.co",
            "a@b.co ",
            " a@b.co",
            "a@b..co",
            "a@.co",
            "a@-b.co",
            "a@b-.co",
            ".a@b.co",
            "a.@b.co",
            "a..b@b.co",
            "a@b.co\n",
            "a@b.co\nBcc: c@d.co",
            "a@@b.co",
            "a@b@c.co",
            "é@b.co",
            "a@bücher.example",
            "a@b.1",
            "<a@b.co>",
            "a;b@b.co",
            "a\"b@b.co",
            "a@b.c",
            "a@b.co.",
            "a\0@b.co",
        ];
        for bad in bad.map(str::to_owned).into_iter().chain([format!("{over}@b.co"), format!("a@{most}.co")]) {
            let error = email(&bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidValue, "{bad:?}");
        }
        assert_eq!(email(&format!("a@{}.co", "x.".repeat(130))).unwrap_err().kind(), ErrorKind::TooLong);
    }
}
