-- The rule of every table with a tenant_hk, in one place. Decided by the session's login (in a definer function
-- current_user is the owner): one that is bound sees its tenant's rows, a trusted one those of the tenant it chose, any
-- other the system's, whose tenant_hk is NULL. Scalar subqueries run once a statement, not once a row; the first is
-- session_tenant() written out, which saves a call in every write.
CREATE OR REPLACE PROCEDURE script_tracking.put_tenant_policy(p_table regclass)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    CALL script_tracking.put_policy(p_table, 'tenant', 'ALL', $rows$
        tenant_hk IS NOT DISTINCT FROM (
            SELECT CASE WHEN b.trusted THEN script_tracking.chosen_tenant() ELSE b.tenant_hk END
            FROM script_tracking.login_binding b WHERE b.login = session_user)
        OR (SELECT script_tracking.session_is_admin())$rows$);
END
$$;

CALL script_tracking.allow('script_tracking.put_tenant_policy(regclass)');
