-- A query for columns of the current executions that fulfil a condition and that the session may see: $1 are the tenants
-- from visible_tenants(). Row security is no index condition, so tenants are named; a branch that has nothing to give is
-- left out, because the planner would start workers for it. A finished version is never closed, and an open RUNNING one
-- has an index of its own. Only our own texts come in here.
CREATE OR REPLACE FUNCTION script_tracking.seen_rows(p_columns text, p_condition text, p_states text[]) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT string_agg(format('SELECT %s FROM script_tracking.script_execution_s WHERE %s AND %s AND %s',
                                     p_columns, tenant, state, p_condition), ' UNION ALL ')
            FROM unnest(p_states) AS given (state),
                 unnest(CASE WHEN script_tracking.sees_system() THEN '{tenant_hk = ANY ($1),tenant_hk IS NULL}'::text[]
                             ELSE '{tenant_hk = ANY ($1)}' END) AS allowed (tenant));
END
$$;

CALL script_tracking.allow('script_tracking.seen_rows(text, text, text[])');
