-- The operations of a scope, newest first, then by key, both descending; only those after (p_before, p_before_hk) in that
-- order. Each tenant's newest are read from its index, then merged. tenant_hk stands in the order because the
-- planner does not take IS NULL for one value, and no table is read whole: statistics take what is running for a quarter of it.
CREATE OR REPLACE FUNCTION script_tracking.store_history(
    p_all boolean, p_tenant_hk bytea, p_since timestamptz, p_until timestamptz, p_status text, p_script_type text,
    p_before timestamptz, p_before_hk bytea, p_limit bigint)
RETURNS SETOF script_tracking.store_row
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    v_states text[] := CASE
        WHEN p_status = 'RUNNING' THEN ARRAY['execution_status = ''RUNNING'' AND load_end_date IS NULL']
        WHEN p_status = 'FAILED' THEN ARRAY['execution_status = ''FAILED''']
        WHEN p_status IS NOT NULL THEN ARRAY['execution_status <> ''RUNNING'' AND execution_status = $7']
        ELSE ARRAY['execution_status = ''RUNNING'' AND load_end_date IS NULL', 'execution_status <> ''RUNNING'''] END;
    v_wanted text := '';
    v_tenants bytea[];
    v_conditions text[];
    v_branches text;
BEGIN
    PERFORM script_tracking.store_scope(p_all, p_tenant_hk);
    SELECT t.tenants, t.conditions INTO v_tenants, v_conditions FROM script_tracking.store_tenants(p_all, p_tenant_hk) t;
    IF p_since IS NOT NULL THEN
        v_wanted := v_wanted || ' AND execution_timestamp > $2';
    END IF;
    IF p_until IS NOT NULL THEN
        v_wanted := v_wanted || ' AND execution_timestamp <= $3';
    END IF;
    IF p_before IS NOT NULL THEN
        v_wanted := v_wanted
            || ' AND execution_timestamp <= $4 AND (execution_timestamp < $4 OR script_execution_hk < $5)';
    END IF;
    IF p_script_type IS NOT NULL THEN
        v_wanted := v_wanted || ' AND script_type = $8';
    END IF;
    v_branches := (
        SELECT string_agg(format(
            CASE c.condition WHEN 'IS NULL' THEN '(%1$s WHERE tenant_hk IS NULL AND %2$s%3$s %4$s)'
                ELSE '(SELECT n.* FROM unnest($1) AS t (tenant) CROSS JOIN LATERAL (%1$s WHERE tenant_hk = t.tenant AND %2$s%3$s %4$s) AS n)' END,
            'SELECT script_execution_hk, load_date, execution_timestamp FROM script_tracking.script_execution_s',
            s.state, v_wanted, 'ORDER BY tenant_hk DESC, execution_timestamp DESC, script_execution_hk DESC LIMIT $6'), ' UNION ALL ')
        FROM unnest(v_conditions) AS c (condition), unnest(v_states) AS s (state));
    RETURN QUERY EXECUTE format($query$
        SELECT v.* FROM (SELECT * FROM (%s) AS k ORDER BY k.execution_timestamp DESC, k.script_execution_hk DESC LIMIT $6) AS k
        JOIN script_tracking.store_version v ON v.script_execution_hk = k.script_execution_hk AND v.load_date = k.load_date
        WHERE v.script_execution_bk IS NOT NULL
        ORDER BY k.execution_timestamp DESC, k.script_execution_hk DESC $query$, v_branches)
    USING v_tenants, p_since, p_until, p_before, p_before_hk, p_limit, p_status, p_script_type;
END
$$;

CALL script_tracking.allow('script_tracking.store_history(boolean, bytea, timestamptz, timestamptz, text, text, timestamptz, '
    'bytea, bigint)', 'script_tracking_reader');
