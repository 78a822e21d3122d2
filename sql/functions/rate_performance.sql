-- The word for a category: success and average together. Where no duration is known, success decides.
CREATE OR REPLACE FUNCTION script_tracking.rate_performance(p_completed numeric, p_finished numeric, p_duration_sum numeric, p_timed numeric) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE
        WHEN p_finished = 0 THEN 'NO_DATA'
        WHEN p_completed * 100 > p_finished * 95 AND (p_timed = 0 OR p_duration_sum < 100 * p_timed) THEN 'EXCELLENT'
        WHEN p_completed * 100 > p_finished * 90 AND (p_timed = 0 OR p_duration_sum < 500 * p_timed) THEN 'GOOD'
        WHEN p_completed * 100 > p_finished * 80 AND (p_timed = 0 OR p_duration_sum < 1000 * p_timed) THEN 'WARNING'
        ELSE 'POOR'
    END;
END
$$;

CALL script_tracking.allow('script_tracking.rate_performance(numeric, numeric, numeric, numeric)');
