-- Removes up to p_limit finished operations of a scope that started before p_before, oldest first by tenant; how many, and
-- whether there may be more.
CREATE OR REPLACE FUNCTION script_tracking.store_purge(
    p_all boolean, p_tenant_hk bytea, p_before timestamptz, p_limit bigint, OUT operations bigint, OUT more boolean)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenants bytea[];
    v_conditions text[];
    v_old bytea[];
BEGIN
    PERFORM script_tracking.store_scope(p_all, p_tenant_hk);
    SELECT t.tenants, t.conditions INTO v_tenants, v_conditions FROM script_tracking.store_tenants(p_all, p_tenant_hk) t;
    EXECUTE (SELECT format('SELECT array_agg(script_execution_hk) FROM (SELECT * FROM (%s) AS old LIMIT $3) AS old',
        string_agg(format('(SELECT script_execution_hk FROM script_tracking.script_execution_s WHERE tenant_hk %s '
            'AND execution_status <> ''RUNNING'' AND execution_timestamp < $2 '
            'ORDER BY tenant_hk, execution_timestamp LIMIT $3)', c.condition), ' UNION ALL '))
        FROM unnest(v_conditions) AS c (condition))
    INTO v_old USING v_tenants, p_before, p_limit + 1;
    more := coalesce(cardinality(v_old) > p_limit, false);
    v_old := v_old[1 : p_limit];
    operations := coalesce(cardinality(v_old), 0);
    PERFORM script_tracking.store_delete(v_old);
END
$$;

CALL script_tracking.allow('script_tracking.store_purge(boolean, bytea, timestamptz, bigint)', 'script_tracking_admin');
