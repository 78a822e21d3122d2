//! Users: tenants, registration, logins and sessions, with the rules of the SQL functions of the same names.
//!
//! ```text
//!  login_user ──► Store::call ──some──► the store's own answer (PostgreSQL: auth.login_user_tracking)
//!                     └──none──► check ► Attempts ► bcrypt ► Attempts, compare-and-swap ► Session + operation
//! ```
//!
//! What is kept are documents: [`Kind::Tenant`], [`Kind::User`], [`Kind::Credential`], [`Kind::Session`] and
//! [`Kind::Attempts`](crate::model::Kind::Attempts), under the hash keys that the SQL tables have. Passwords are stored
//! as bcrypt (`$2a$`, which pgcrypto verifies), tokens as their hash. Logins and registrations are recorded as operations
//! of type AUTHENTICATION: the outcome, and of the e-mail the user's hash key only.
//!
//! A store that carries calls out itself has its own settings, clock and rights. For the others the feature `users` brings
//! bcrypt; it runs on threads of its own, at most one a core, so that no executor's thread is held. One check takes
//! as long as [`UserSettings::bcrypt_cost`] says, 50 ms and more.
//!
//! [`Kind::Tenant`]: crate::model::Kind::Tenant
//! [`Kind::User`]: crate::model::Kind::User
//! [`Kind::Credential`]: crate::model::Kind::Credential
//! [`Kind::Session`]: crate::model::Kind::Session

mod answer;
mod attempts;
#[cfg(feature = "users")]
mod bcrypt;
mod blocking;
mod check;
mod costliest;
mod documents;
mod login;
mod record;
mod register;
mod rows;
mod session;
mod settings;
mod sync;
mod user_data;
mod work;

pub use answer::{Login, Registration, Session, SiteAnswer, UserAnswer};
pub use rows::user_key;
pub use secrecy::{ExposeSecret, SecretString};
pub use settings::UserSettings;
pub use sync::{UserConflict, UserSync, sync_users};
pub use user_data::UserData;

/// What trackers of users share.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) settings: UserSettings,
    costliest: costliest::Costliest,
    #[cfg(feature = "users")]
    work: work::Work,
}
