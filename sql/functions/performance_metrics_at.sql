-- The performance metrics as of p_at: OVERALL, then each type seen in the window, in byte order.
CREATE OR REPLACE FUNCTION script_tracking.performance_metrics_at(p_at timestamptz)
RETURNS TABLE (metric_category varchar(50), metric_name varchar(100), current_value decimal(15,2), trend_direction varchar(10),
    performance_rating varchar(20))
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    WITH now AS (
        SELECT coalesce(t.script_type, 'OVERALL') AS category, t.*, t.completed + t.failed AS finished
        FROM script_tracking.tallies(p_at - interval '24 hours', 'infinity', true) t
    ), earlier AS (
        SELECT coalesce(t.script_type, 'OVERALL') AS category, t.*, t.completed + t.failed AS finished
        FROM script_tracking.tallies(p_at - interval '48 hours', p_at - interval '24 hours', true) t
    )
    SELECT n.category::varchar, f.name::varchar, script_tracking.hundredths(f.now_part, f.now_whole)::decimal(15,2),
        script_tracking.direction(f.now_part, f.now_whole, f.earlier_part, f.earlier_whole)::varchar,
        script_tracking.rate_performance(n.completed, n.finished, n.duration_sum, n.timed)::varchar
    FROM now n
    LEFT JOIN earlier e ON e.category = n.category
    CROSS JOIN LATERAL (VALUES
        (1, 'operations_24h', n.operations::numeric, 1::numeric, nullif(e.operations, 0)::numeric, 1::numeric),
        (2, 'success_rate_24h', 100 * n.completed, n.finished, 100 * e.completed, e.finished),
        (3, 'avg_duration_ms_24h', n.duration_sum, n.timed, e.duration_sum, e.timed),
        (4, 'p95_duration_ms_24h', n.p95, 1, e.p95, 1),
        (5, 'max_duration_ms_24h', n.duration_max, 1, e.duration_max, 1)
    ) AS f (place, name, now_part, now_whole, earlier_part, earlier_whole)
    ORDER BY n.script_type IS NOT NULL, n.script_type COLLATE "C", f.place;
END
$$;

CALL script_tracking.allow('script_tracking.performance_metrics_at(timestamptz)', 'script_tracking_reader');
