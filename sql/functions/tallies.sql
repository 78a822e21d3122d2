-- Counts the operations with p_after < execution_timestamp <= p_until: a row for all, then one a type where p_by_type
-- (which costs a sort more). What ended and what runs are counted apart: no expression is computed for a row that needs it not.
CREATE OR REPLACE FUNCTION script_tracking.tallies(p_after timestamptz, p_until timestamptz, p_by_type boolean)
RETURNS SETOF script_tracking.tally
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET max_parallel_workers_per_gather = 0  -- workers take longer to start than to help
SET work_mem = '16MB'  -- a day's rows are sorted in memory
AS $$
BEGIN
    RETURN QUERY EXECUTE format($query$
        WITH ended AS (
            SELECT count(*) AS operations, count(*) FILTER (WHERE script_type = 'DDL_AUTO') AS ddl,
                count(*) FILTER (WHERE execution_status = 'FAILED') AS failed, count(execution_duration_ms) AS timed,
                sum(execution_duration_ms) AS duration_sum, max(execution_duration_ms) AS duration_max,
                percentile_disc(0.95) WITHIN GROUP (ORDER BY execution_duration_ms) AS p95, %1$s AS script_type
            FROM (%2$s) AS seen %4$s
        ), running AS (
            SELECT count(*) AS operations, count(*) FILTER (WHERE script_type = 'DDL_AUTO') AS ddl, %1$s AS script_type
            FROM (%3$s) AS seen %4$s
        )
        SELECT coalesce(e.operations, 0) + coalesce(r.operations, 0), coalesce(e.ddl, 0) + coalesce(r.ddl, 0),
            coalesce(e.operations - e.failed, 0), coalesce(e.failed, 0), coalesce(e.timed, 0),
            coalesce(e.duration_sum, 0)::numeric, e.duration_max, script_tracking.seven_bits(e.p95),
            coalesce(e.script_type, r.script_type)
        FROM ended e FULL JOIN running r ON coalesce(e.script_type, 'OVERALL') = coalesce(r.script_type, 'OVERALL') $query$,
        CASE WHEN p_by_type THEN 'script_type::text' ELSE 'NULL::text' END,
        script_tracking.seen_rows('script_type, execution_status, execution_duration_ms',
            'execution_timestamp > $2 AND execution_timestamp <= $3', ARRAY['execution_status <> ''RUNNING''']),
        script_tracking.seen_rows('script_type', 'execution_timestamp > $2 AND execution_timestamp <= $3',
            ARRAY['execution_status = ''RUNNING'' AND load_end_date IS NULL']),
        CASE WHEN p_by_type THEN 'GROUP BY GROUPING SETS ((), (script_type))' ELSE '' END)
    USING script_tracking.visible_tenants(), p_after, p_until;
END
$$;

CALL script_tracking.allow('script_tracking.tallies(timestamptz, timestamptz, boolean)');
