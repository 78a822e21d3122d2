-- The health report as of p_at; capture, log and storage are those of now.
CREATE OR REPLACE FUNCTION script_tracking.system_health_at(p_at timestamptz)
RETURNS TABLE (health_category varchar(50), health_metric varchar(100), current_status varchar(20), details text,
    last_checked timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_all script_tracking.tally;
    v_running bigint;
    v_stale bigint;
    v_finished bigint;
BEGIN
    SELECT * INTO v_all FROM script_tracking.tallies(p_at - interval '24 hours', 'infinity', false);
    SELECT c.running, c.stale INTO v_running, v_stale FROM script_tracking.count_running(p_at - interval '24 hours') c;
    v_finished := v_all.completed + v_all.failed;
    RETURN QUERY SELECT f.category::varchar, f.metric::varchar, f.word::varchar, f.details, p_at FROM (VALUES
        ('PERFORMANCE', 'average_duration',
            CASE v_all.timed WHEN 0 THEN 'GOOD' ELSE script_tracking.rate_duration(v_all.duration_sum, v_all.timed) END,
            CASE v_all.timed WHEN 0 THEN 'No duration is known in 24 hours.'
                ELSE format('The average of %s durations in 24 hours is %s ms.', v_all.timed,
                            script_tracking.hundredths(v_all.duration_sum, v_all.timed)) END),
        ('PERFORMANCE', 'p95_duration',
            CASE v_all.timed WHEN 0 THEN 'GOOD' ELSE script_tracking.rate_duration(v_all.p95, 1) END,
            CASE v_all.timed WHEN 0 THEN 'No duration is known in 24 hours.'
                ELSE format('The 95th percentile of %s durations in 24 hours is %s ms.', v_all.timed,
                            v_all.p95::decimal(15,2)) END),
        ('RELIABILITY', 'success_rate',
            CASE v_finished WHEN 0 THEN 'GOOD' ELSE script_tracking.rate_success(v_all.completed, v_finished) END,
            CASE v_finished WHEN 0 THEN 'Nothing finished in 24 hours.'
                ELSE format('%s %% of %s finished operations in 24 hours succeeded.',
                            script_tracking.hundredths(100 * v_all.completed::numeric, v_finished), v_finished) END),
        ('RELIABILITY', 'recent_failures',
            CASE WHEN v_all.failed = 0 THEN 'EXCELLENT' WHEN v_all.failed * 20 < v_finished THEN 'GOOD'
                WHEN v_all.failed * 5 < v_finished THEN 'WARNING' ELSE 'POOR' END,
            format('%s of %s finished operations in 24 hours failed.', v_all.failed, v_finished)),
        ('LIVENESS', 'stale_operations',
            CASE WHEN v_stale = 0 THEN 'EXCELLENT' WHEN v_stale < 10 THEN 'WARNING' ELSE 'POOR' END,
            format('%s of %s running operations started over 24 hours ago.', v_stale, v_running))
    ) AS f (category, metric, word, details);
    RETURN QUERY SELECT * FROM script_tracking.integrity_health(p_at);
    RETURN QUERY SELECT f.category::varchar, f.metric::varchar, 'EXCELLENT'::varchar, f.details, p_at FROM (VALUES
        ('STORAGE', 'size', format('The store takes %s bytes on disk.', script_tracking.storage_size())),
        ('STORAGE', 'operations', format('%s operations are stored.', script_tracking.count_operations()))
    ) AS f (category, metric, details);
    RETURN QUERY SELECT s.health_category::varchar, s.health_metric::varchar, s.current_status::varchar, s.details, p_at
        FROM script_tracking.store_health() s;
END
$$;

CALL script_tracking.allow('script_tracking.system_health_at(timestamptz)', 'script_tracking_reader');
