//! Calls about users go to the functions of the schema: so a site's own functions are called, and pgcrypto does the work.
//! They judge by the login and by the server's clock and settings. Each is made once: after a lost connection nobody knows
//! whether it was carried out.

use opledger::store::{Call, Reply, Scope};
use opledger::users::{ExposeSecret, SecretString};
use opledger::{Error, ErrorKind, Result};
use tokio_postgres::types::Type;

use crate::call::Call as Statement;
use crate::rows::column;
use crate::shared::Shared;
use crate::values::Key;

/// The last parameter is the scope's tenant: a trusted login works for it from the first check on. For any other login the
/// setting means nothing.
const REGISTER_TENANT: &str = "SELECT jsonb_build_object('success', true, \
    'tenant_hk', encode(auth.register_tenant($1), 'hex'))::text, false \
    FROM set_config('script_tracking.tenant_hk', $2, true)";
const REGISTER_USER: &str = "SELECT auth.register_user_tracking($1::jsonb)::text, \
    script_tracking.site_function('auth.register_user(jsonb)') IS NOT NULL \
    FROM set_config('script_tracking.tenant_hk', $2, true)";
const LOGIN_USER: &str = "SELECT auth.login_user_tracking($1, $2, $3)::text, \
    script_tracking.site_function('auth.login_user(varchar, varchar, bytea)') IS NOT NULL \
    FROM set_config('script_tracking.tenant_hk', $4, true)";
const VALIDATE_SESSION: &str = "SELECT auth.validate_session_tracking($1, $2)::text, false \
    FROM set_config('script_tracking.tenant_hk', $3, true)";
const REVOKE_SESSION: &str = "SELECT auth.revoke_session_tracking($1, $2)::text, false \
    FROM set_config('script_tracking.tenant_hk', $3, true)";

/// Carries out a call; none of a kind that came later than this backend.
pub(crate) async fn call(shared: &Shared, scope: Scope, call: &Call) -> Result<Option<Reply>> {
    let statement = match call {
        Call::RegisterTenant { tenant_id } => Statement::new(REGISTER_TENANT).with(tenant_id.as_str(), Type::TEXT),
        Call::RegisterUser { data } => Statement::new(REGISTER_USER).with(data.expose_secret(), Type::TEXT),
        Call::LoginUser { email, password, tenant } => Statement::new(LOGIN_USER)
            .with(email.expose_secret(), Type::TEXT)
            .with(password.expose_secret(), Type::TEXT)
            .with(Key(*tenant), Type::BYTEA),
        Call::ValidateSession { token, tenant } => session(VALIDATE_SESSION, token, Key(*tenant)),
        Call::RevokeSession { token, tenant } => session(REVOKE_SESSION, token, Key(*tenant)),
        _ => return Ok(None),
    };
    let tenant = scope.tenant().map_or_else(String::new, |tenant| tenant.to_string());
    let rows = shared.query_once(&statement.with(tenant, Type::TEXT)).await?;
    let row = rows.first().ok_or_else(|| Error::new(ErrorKind::Corrupt, "a call about users gave no row"))?;
    // NULL is what a site's own function may give; ours never do.
    let answer = column::<Option<String>>(row, 0)?.unwrap_or_else(|| "null".to_owned());
    Ok(Some(Reply { answer: SecretString::from(answer), by_site: column(row, 1)? }))
}

fn session<'a>(sql: &'static str, token: &'a SecretString, tenant: Key) -> Statement<'a> {
    Statement::new(sql).with(token.expose_secret(), Type::TEXT).with(tenant, Type::BYTEA)
}
