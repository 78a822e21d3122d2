-- The figures behind the reports of a scope: of the window that ends at p_at and of the one before it ('last', 'before'), by
-- type, status and duration rounded down to 7 significant bits; then a row each of kind 'total', 'running' and 'stale'.
CREATE OR REPLACE FUNCTION script_tracking.store_activity(
    p_all boolean, p_tenant_hk bytea, p_last timestamptz, p_before timestamptz)
RETURNS TABLE (part text, script_type text, execution_status text, duration integer, operations bigint, duration_sum bigint,
    duration_max integer)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET max_parallel_workers_per_gather = 0  -- workers take longer to start than to help
AS $$
DECLARE
    v_tenants bytea[];
    v_conditions text[];
BEGIN
    PERFORM script_tracking.store_scope(p_all, p_tenant_hk);
    SELECT t.tenants, t.conditions INTO v_tenants, v_conditions FROM script_tracking.store_tenants(p_all, p_tenant_hk) t;
    RETURN QUERY EXECUTE (SELECT format($query$
        SELECT CASE WHEN later THEN 'last' ELSE 'before' END, script_type::text, execution_status::text, bucket, count(*),
            sum(duration)::bigint, max(duration)
        FROM (SELECT later, script_type, execution_status, duration, CASE
                WHEN duration < 128 THEN duration WHEN duration < 256 THEN duration & -2
                WHEN duration < 512 THEN duration & -4 WHEN duration < 1024 THEN duration & -8
                WHEN duration < 2048 THEN duration & -16 WHEN duration < 4096 THEN duration & -32
                WHEN duration < 8192 THEN duration & -64 WHEN duration < 16384 THEN duration & -128
                ELSE script_tracking.seven_bits(duration) END AS bucket
            FROM (%s) AS seen) AS seen
        GROUP BY later, script_type, execution_status, bucket $query$,
        string_agg(format('SELECT script_type, execution_status, execution_timestamp > $2 AS later, %s AS duration '
            'FROM script_tracking.script_execution_s WHERE tenant_hk %s AND %s AND execution_timestamp > $3',
            s.duration, c.condition, s.state), ' UNION ALL '))
        FROM unnest(v_conditions) AS c (condition), (VALUES
            ('execution_duration_ms', 'execution_status <> ''RUNNING'''),
            -- A duration counts when the operation has finished.
            ('NULL', 'execution_status = ''RUNNING'' AND load_end_date IS NULL')) AS s (duration, state))
    USING v_tenants, p_last, p_before;
    RETURN QUERY EXECUTE (SELECT format('SELECT ''total'', NULL::text, NULL::text, NULL::integer, count(*), NULL::bigint, '
        'NULL::integer FROM (%s) AS seen', string_agg(format('SELECT FROM script_tracking.script_execution_h WHERE tenant_hk %s',
            c.condition), ' UNION ALL '))
        FROM unnest(v_conditions) AS c (condition)) USING v_tenants;
    RETURN QUERY EXECUTE (SELECT format('SELECT unnest(ARRAY[''running'', ''stale'']), NULL::text, NULL::text, NULL::integer, '
        'unnest(ARRAY[count(*), count(*) FILTER (WHERE execution_timestamp < $2)]), NULL::bigint, NULL::integer FROM (%s) AS seen',
        string_agg(format('SELECT execution_timestamp FROM script_tracking.script_execution_s WHERE tenant_hk %s AND '
            'execution_status = ''RUNNING'' AND load_end_date IS NULL', c.condition), ' UNION ALL '))
        FROM unnest(v_conditions) AS c (condition)) USING v_tenants, p_last;
END
$$;

CALL script_tracking.allow('script_tracking.store_activity(boolean, bytea, timestamptz, timestamptz)', 'script_tracking_reader');
