-- The word for an average of p_sum / p_count milliseconds: below 10, below 500, below 1000, or more. Compared exactly.
CREATE OR REPLACE FUNCTION script_tracking.rate_duration(p_sum numeric, p_count numeric) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE
        WHEN p_sum < 10 * p_count THEN 'EXCELLENT'
        WHEN p_sum < 500 * p_count THEN 'GOOD'
        WHEN p_sum < 1000 * p_count THEN 'WARNING'
        ELSE 'POOR'
    END;
END
$$;

CALL script_tracking.allow('script_tracking.rate_duration(numeric, numeric)');
