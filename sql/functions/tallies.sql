-- Counts the operations with p_after < execution_timestamp <= p_until: a row for all, then one a type where p_by_type
-- (which costs a sort more).
CREATE OR REPLACE FUNCTION script_tracking.tallies(p_after timestamptz, p_until timestamptz, p_by_type boolean)
RETURNS SETOF script_tracking.tally
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET max_parallel_workers_per_gather = 0  -- workers take longer to start than to help
AS $$
BEGIN
    RETURN QUERY EXECUTE format($query$
        SELECT count(*), count(*) FILTER (WHERE script_type = 'DDL_AUTO'),
            count(*) FILTER (WHERE execution_status = 'COMPLETED'), count(*) FILTER (WHERE execution_status = 'FAILED'),
            count(execution_duration_ms), coalesce(sum(execution_duration_ms), 0)::numeric, max(execution_duration_ms),
            script_tracking.seven_bits(percentile_disc(0.95) WITHIN GROUP (ORDER BY execution_duration_ms)), %s
        FROM (%s UNION ALL %s) AS seen %s $query$,
        CASE WHEN p_by_type THEN 'script_type::text' ELSE 'NULL::text' END,
        script_tracking.seen_rows('script_type, execution_status, execution_duration_ms',
            'execution_timestamp > $2 AND execution_timestamp <= $3', ARRAY['execution_status <> ''RUNNING''']),
        -- A duration counts when the operation has finished.
        script_tracking.seen_rows('script_type, execution_status, NULL', 'execution_timestamp > $2 AND execution_timestamp <= $3',
            ARRAY['execution_status = ''RUNNING'' AND load_end_date IS NULL']),
        CASE WHEN p_by_type THEN 'GROUP BY GROUPING SETS ((), (script_type))' ELSE '' END)
    USING script_tracking.visible_tenants(), p_after, p_until;
END
$$;

CALL script_tracking.allow('script_tracking.tallies(timestamptz, timestamptz, boolean)');
