//! Who may do what.

use opledger_postgres::Session;

use super::{Finding, Found, names, one};

pub(super) async fn grants(session: &Session) -> Found {
    let sql = "SELECT p.oid::regprocedure::text || ' to PUBLIC' FROM pg_catalog.pg_proc p
        WHERE obj_description(p.oid, 'pg_proc') = 'Part of Opledger.' AND (p.proacl IS NULL
            OR EXISTS (SELECT FROM aclexplode(p.proacl) a WHERE a.grantee = 0))
        UNION ALL
        SELECT format('%s on %s to %s', a.privilege_type, c.oid::regclass,
            CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END)
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a
        WHERE n.nspname = 'script_tracking' AND a.grantee <> c.relowner AND (a.grantee = 0 OR a.privilege_type <> 'SELECT')
        UNION ALL
        SELECT format('%s on schema %s to %s', a.privilege_type, n.nspname,
            CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END)
        FROM pg_catalog.pg_namespace n, aclexplode(n.nspacl) a
        WHERE n.nspname = 'script_tracking' AND a.grantee <> n.nspowner AND (a.grantee = 0 OR a.privilege_type <> 'USAGE')
        ORDER BY 1";
    let advice = "REVOKE them: only our functions write, and none is for everyone.";
    Ok(Finding::offenders(
        &names(session, sql).await?,
        "granted",
        "nothing is for PUBLIC, no table can be written",
        advice,
    ))
}

pub(super) async fn row_security(session: &Session) -> Found {
    let sql = "SELECT c.oid::regclass::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'script_tracking' AND c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity
            AND EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid)) ORDER BY 1";
    let good = "every table has row security, also for its owner";
    Ok(Finding::offenders(
        &names(session, sql).await?,
        "tables without row security",
        good,
        "Run `opledger upgrade`, which sets it again.",
    ))
}

pub(super) async fn owner(session: &Session) -> Found {
    let missing =
        "SELECT r.name FROM unnest(ARRAY['script_tracking_owner', 'script_tracking_reader', 'script_tracking_writer',
            'script_tracking_admin']) AS r (name) WHERE to_regrole(r.name) IS NULL";
    let missing = names(session, missing).await?;
    if !missing.is_empty() {
        let advice = "Let a user with CREATEROLE create them (NOLOGIN). Then `opledger uninstall` and `install`, where the \
            objects are to belong to script_tracking_owner.";
        return Ok(Finding::warning(format!("roles missing: {}", missing.join(", ")), advice));
    }
    let wrong = "SELECT rolname || ' has rights of its own' FROM pg_catalog.pg_roles
        WHERE rolname IN ('script_tracking_owner', 'script_tracking_reader', 'script_tracking_writer', 'script_tracking_admin')
            AND (rolcanlogin OR rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)
        UNION ALL
        SELECT p.oid::regprocedure::text || ' belongs to ' || p.proowner::regrole::text FROM pg_catalog.pg_proc p
        WHERE obj_description(p.oid, 'pg_proc') = 'Part of Opledger.' AND p.proowner <> to_regrole('script_tracking_owner')
        UNION ALL
        SELECT c.oid::regclass::text || ' belongs to ' || c.relowner::regrole::text
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'script_tracking' AND c.relkind IN ('r', 'p', 'v', 'S') AND c.relowner <> to_regrole('script_tracking_owner')
        ORDER BY 1";
    let good = "all belongs to script_tracking_owner, which can't log in or pass row security";
    let advice =
        "ALTER ROLE … NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB; ALTER … OWNER TO script_tracking_owner.";
    Ok(Finding::offenders(&names(session, wrong).await?, "wrong", good, advice))
}

pub(super) async fn login(session: &Session) -> Found {
    let sql = "SELECT session_user::text, r.rolsuper::text, r.rolbypassrls::text,
            (SELECT coalesce(string_agg(g.name, ' '), '') FROM unnest(ARRAY['admin', 'writer', 'reader']) AS g (name)
             WHERE pg_has_role(session_user, to_regrole('script_tracking_' || g.name)::oid, 'MEMBER')),
            coalesce((SELECT CASE WHEN b.trusted THEN 'trusted to choose its tenant'
                ELSE 'bound to tenant ' || encode(b.tenant_hk, 'hex') END
                FROM script_tracking.login_binding b WHERE b.login = session_user), 'bound to no tenant'),
            (SELECT pg_has_role(session_user, n.nspowner, 'MEMBER')::text FROM pg_catalog.pg_namespace n
             WHERE n.nspname = 'script_tracking')
        FROM pg_catalog.pg_roles r WHERE r.rolname = session_user";
    let [login, superuser, bypasses, roles, tenant, owns] = one(session, sql, &[]).await?;
    if superuser == "true" {
        return Ok(Finding::ok(format!("{login} is a superuser: it may do all, and sees every tenant")));
    }
    if owns == "true" && roles.is_empty() {
        return Ok(Finding::ok(format!("{login} installed the schema, and is its only admin")));
    }
    let Some(role) = roles.split(' ').next().filter(|role| !role.is_empty()) else {
        let advice = format!("GRANT script_tracking_writer TO {login}; (or _reader, or _admin).");
        return Ok(Finding::failed(format!("{login} has none of our roles"), advice));
    };
    let details = format!("{login} is {role}, {tenant}");
    if bypasses == "true" {
        let details = format!("{details}; and row security does not bind it: it reads every tenant's rows");
        return Ok(Finding::warning(details, format!("ALTER ROLE {login} NOBYPASSRLS; unless it makes backups.")));
    }
    Ok(Finding::ok(details))
}
