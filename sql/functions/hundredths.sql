-- p_part / p_whole with two places, rounded half away from zero; exact, where a division of numerics may not be.
-- NULL when there is no whole. Neither is negative.
CREATE OR REPLACE FUNCTION script_tracking.hundredths(p_part numeric, p_whole numeric) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE WHEN p_whole > 0 THEN div(200 * p_part + p_whole, 2 * p_whole) * 0.01 END;
END
$$;

CALL script_tracking.allow('script_tracking.hundredths(numeric, numeric)');
