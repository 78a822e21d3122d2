-- The rule of every table with a tenant_hk, in one place. Decided by the session's login (in a definer function
-- current_user is the owner), by scalar subqueries: once a statement, not once a row. '\x' stands for the system,
-- so that a system row costs one call as well.
CREATE OR REPLACE PROCEDURE script_tracking.put_tenant_policy(p_table regclass)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    CALL script_tracking.put_policy(p_table, 'tenant', 'ALL',
        $rows$coalesce(tenant_hk, '\x'::bytea) = (SELECT script_tracking.session_scope())
              OR (SELECT script_tracking.session_is_admin())$rows$);
END
$$;

CALL script_tracking.allow('script_tracking.put_tenant_policy(regclass)');
