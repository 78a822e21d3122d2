//! Who runs this, where.

/// The name of the effective user's account, or its number where it has none.
pub(crate) fn user() -> String {
    let uid = nix::unistd::Uid::effective();
    let name = nix::unistd::User::from_uid(uid).ok().flatten().map(|user| user.name);
    cut(&name.filter(|name| !name.is_empty()).unwrap_or_else(|| uid.to_string()), opledger::model::MAX_USER)
}

/// The machine's name.
pub(crate) fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The first `limit` characters.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect()
}

/// How records written by this command are marked.
pub(crate) fn record_source() -> String {
    format!("opledger-cli/{}", env!("CARGO_PKG_VERSION"))
}
