-- The dashboard as of p_at, so that it can be compared with another computation of the same instant.
CREATE OR REPLACE FUNCTION script_tracking.enterprise_dashboard_at(p_at timestamptz)
RETURNS TABLE (metric_name varchar(100), metric_value decimal(15,2), metric_unit varchar(20), status varchar(20),
    last_updated timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_yesterday timestamptz := p_at - interval '24 hours';
    v_all script_tracking.tally;
    v_running bigint;
    v_stale bigint;
    v_finished numeric;
    v_health numeric[];
BEGIN
    SELECT * INTO v_all FROM script_tracking.tallies(v_yesterday, 'infinity', false);
    SELECT c.running, c.stale INTO v_running, v_stale FROM script_tracking.count_running(v_yesterday) c;
    v_finished := v_all.completed + v_all.failed;
    v_health := script_tracking.health_score(v_all, v_running, v_stale);
    RETURN QUERY SELECT f.name::varchar, f.value::decimal(15,2), f.unit::varchar, f.word::varchar, p_at FROM (VALUES
        ('total_operations_24h', v_all.operations::numeric, 'count', 'NORMAL'),
        ('success_rate_24h', script_tracking.hundredths(100 * v_all.completed::numeric, v_finished), 'percentage',
            CASE v_finished WHEN 0 THEN 'NO_DATA' ELSE script_tracking.rate_success(v_all.completed, v_finished) END),
        ('avg_duration_ms', script_tracking.hundredths(v_all.duration_sum, v_all.timed), 'milliseconds',
            CASE v_all.timed WHEN 0 THEN 'NO_DATA' ELSE script_tracking.rate_duration(v_all.duration_sum, v_all.timed) END),
        ('failed_operations_24h', v_all.failed, 'count',
            CASE WHEN v_all.failed = 0 THEN 'NORMAL' WHEN v_all.failed * 5 >= v_finished THEN 'POOR' ELSE 'WARNING' END),
        ('system_health_score', script_tracking.hundredths(v_health[1], v_health[2]), 'percentage',
            script_tracking.rate_success(v_health[1], v_health[2] * 100)),
        ('p95_duration_ms_24h', v_all.p95, 'milliseconds',
            CASE v_all.timed WHEN 0 THEN 'NO_DATA' ELSE script_tracking.rate_duration(v_all.p95, 1) END),
        ('running_operations', v_running, 'count', 'NORMAL'),
        ('stale_operations', v_stale, 'count', CASE v_stale WHEN 0 THEN 'NORMAL' ELSE 'WARNING' END),
        ('ddl_operations_24h', v_all.ddl, 'count', 'NORMAL'),
        ('total_operations', script_tracking.count_operations(), 'count', 'NORMAL')
    ) AS f (name, value, unit, word);
END
$$;

CALL script_tracking.allow('script_tracking.enterprise_dashboard_at(timestamptz)', 'script_tracking_reader');
