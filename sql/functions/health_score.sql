-- 0.6 S + 0.2 D + 0.2 L in percent, as numerator and denominator: success, durations, liveness, each 100 where there is
-- nothing to judge.
CREATE OR REPLACE FUNCTION script_tracking.health_score(p_all script_tracking.tally, p_running bigint, p_stale bigint) RETURNS numeric[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_finished numeric := greatest(p_all.completed + p_all.failed, 1);
    v_completed numeric := CASE p_all.completed + p_all.failed WHEN 0 THEN 1 ELSE p_all.completed END;
    v_running numeric := greatest(p_running, 1);
    v_alive numeric := CASE p_running WHEN 0 THEN 1 ELSE p_running - p_stale END;
    v_durations numeric := CASE
        WHEN p_all.timed = 0 OR p_all.duration_sum < 100 * p_all.timed THEN 100
        WHEN p_all.duration_sum < 500 * p_all.timed THEN 95
        WHEN p_all.duration_sum < 1000 * p_all.timed THEN 80
        ELSE 50
    END;
BEGIN
    RETURN ARRAY[600 * v_completed * v_running + 2 * v_durations * v_finished * v_running + 200 * v_alive * v_finished,
                 10 * v_finished * v_running];
END
$$;

CALL script_tracking.allow('script_tracking.health_score(script_tracking.tally, bigint, bigint)');
