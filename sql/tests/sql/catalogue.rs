//! A lint of the catalogue: what holds for every object of ours, whoever adds the next one.

use crate::support::{installed, rows};

/// Names the offenders, so that a failure says what to change.
fn nothing(query: &str, rule: &str) {
    let database = installed();
    let found = rows(&mut database.connect().unwrap(), query);
    assert!(found.is_empty(), "{rule}: {found:?}");
}

const OURS: &str = "p.pronamespace IN ('script_tracking'::regnamespace, 'auth'::regnamespace, 'util'::regnamespace)
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')";

#[test]
fn every_function_has_its_search_path() {
    let query = format!(
        "SELECT p.oid::regprocedure FROM pg_proc p WHERE {OURS}
         AND NOT 'search_path=pg_catalog, pg_temp' = ANY (coalesce(p.proconfig, '{{}}'))
         AND p.oid <> 'script_tracking.run_migration_enterprise(varchar, varchar)'::regprocedure"
    );
    // One may COMMIT, which PostgreSQL refuses under a SET clause: it is its caller's, and only calls a function.
    let query =
        format!("{query} AND NOT (p.oid::regprocedure::text = {BATCHED} AND p.prokind = 'p' AND NOT p.prosecdef)");
    nothing(&query, "SET search_path = pg_catalog, pg_temp");
}

const BATCHED: &str = "'script_tracking.cleanup_old_data_batched(integer,integer)'";

/// With standard_conforming_strings off, a literal in a function's text says something else: redaction would miss.
#[test]
fn no_literal_depends_on_the_sessions_settings() {
    let query = format!(
        "SELECT p.oid::regprocedure FROM pg_proc p WHERE {OURS}
         AND position(chr(92) IN regexp_replace(p.prosrc, 'E''([^'']|'''')*''', '', 'g')) > 0
         AND NOT 'standard_conforming_strings=on' = ANY (p.proconfig)"
    );
    nothing(&query, "E'' literals, or SET standard_conforming_strings = on");
}

#[test]
fn nothing_is_executable_by_public() {
    let query = format!(
        "SELECT p.oid::regprocedure FROM pg_proc p WHERE {OURS} AND (p.proacl IS NULL OR EXISTS (
            SELECT FROM aclexplode(p.proacl) a WHERE a.grantee = 0))"
    );
    nothing(&query, "CALL script_tracking.allow(...) at the end of its file");
}

#[test]
fn no_table_is_granted_to_public_or_writable_by_roles() {
    let query = "SELECT c.oid::regclass, a.grantee::regrole, a.privilege_type FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.relnamespace IN ('script_tracking'::regnamespace, 'auth'::regnamespace, 'util'::regnamespace)
          AND a.grantee <> c.relowner AND (a.grantee = 0 OR a.privilege_type <> 'SELECT')";
    nothing(query, "nobody but the owner writes a table");
}

#[test]
fn everything_belongs_to_the_owner_without_rights_of_its_own() {
    let query = format!(
        "SELECT p.oid::regprocedure::text FROM pg_proc p WHERE {OURS} AND p.proowner <> 'script_tracking_owner'::regrole
         UNION ALL
         SELECT c.oid::regclass::text FROM pg_class c
         WHERE c.relnamespace IN ('script_tracking'::regnamespace, 'auth'::regnamespace, 'util'::regnamespace)
           AND c.relowner <> 'script_tracking_owner'::regrole
         UNION ALL
         SELECT rolname FROM pg_roles WHERE rolname LIKE 'script\\_tracking\\_%'
           AND (rolcanlogin OR rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)"
    );
    nothing(&query, "owned by script_tracking_owner, which may do nothing else");
}

#[test]
fn every_table_has_its_policy_forced() {
    let query = "SELECT c.oid::regclass FROM pg_class c
        WHERE c.relnamespace IN ('script_tracking'::regnamespace, 'auth'::regnamespace, 'util'::regnamespace)
          AND c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity
              AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid))";
    nothing(query, "ENABLE and FORCE ROW LEVEL SECURITY, and a policy");
}

#[test]
fn every_table_with_a_tenant_has_the_tenant_policy() {
    let query =
        "SELECT c.oid::regclass FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_hk'
        WHERE c.relnamespace IN ('script_tracking'::regnamespace, 'auth'::regnamespace) AND c.relkind = 'r'
          AND c.oid <> 'script_tracking.login_binding'::regclass
          AND coalesce((SELECT array_agg(polname ORDER BY polname) FROM pg_policy p WHERE p.polrelid = c.oid)::text, '') <> ALL ('{\"{tenant}\",\"{tenant,writer}\"}'::text[])";
    nothing(query, "CALL script_tracking.put_tenant_policy(...), and no other policy");
}

/// A total is a count of the past and what came since: whoever deletes from the hub must tell the count.
#[test]
fn operations_are_removed_in_one_place() {
    let query = format!(
        "SELECT p.oid::regprocedure FROM pg_proc p WHERE {OURS} AND p.prosrc ~* 'delete\\s+from\\s+script_tracking\\.script_execution_h'
           AND p.proname <> 'remove_operations'
           -- What its own transaction began, which no count has.
           AND NOT (p.proname = 'event_trigger_end_concurrent' AND p.prosrc ~ 'AND log_xid = pg_current_xact_id\\(\\)')"
    );
    nothing(&query, "CALL script_tracking.remove_operations(...)");
}

/// Where the tables are distributed, each shard would compute its own.
#[test]
fn no_update_of_hub_or_satellite_computes_what_is_volatile() {
    let query = format!(
        "SELECT p.oid::regprocedure, m[1] FROM pg_proc p,
            regexp_matches(p.prosrc, '(update\\s+script_tracking\\.script_execution_[hs]\\M[^;]*)', 'gi') m
         WHERE {OURS} AND m[1] ~* '(clock_timestamp|timeofday|random|gen_random_uuid|nextval|pg_current_xact_id)\\s*\\('"
    );
    nothing(&query, "compute it before");
}

#[test]
fn views_decide_rows_by_who_asks() {
    let query = "SELECT c.oid::regclass FROM pg_class c
        WHERE c.relnamespace IN ('script_tracking'::regnamespace, 'auth'::regnamespace, 'util'::regnamespace)
          AND c.relkind = 'v' AND pg_get_viewdef(c.oid) !~ 'script_tracking\\.'";
    nothing(query, "a view reads our tables");
}

#[test]
fn hub_and_satellite_stay_distributable() {
    let query = "SELECT i.indexrelid::regclass::text FROM pg_index i
        WHERE i.indrelid IN ('script_tracking.script_execution_h'::regclass, 'script_tracking.script_execution_s'::regclass)
          AND i.indisunique AND NOT i.indisprimary
        UNION ALL
        SELECT t.tgname FROM pg_trigger t
        WHERE t.tgrelid IN ('script_tracking.script_execution_h'::regclass, 'script_tracking.script_execution_s'::regclass)
        UNION ALL
        SELECT c.conname FROM pg_constraint c
        WHERE c.conrelid IN ('script_tracking.script_execution_h'::regclass, 'script_tracking.script_execution_s'::regclass)
          AND c.contype = 'f'";
    nothing(query, "no unique constraint but the key, no row trigger, no foreign key");
}
