-- When a window of so many hours or days began. One longer than the calendar has no beginning.
CREATE OR REPLACE FUNCTION script_tracking.window_start(p_at timestamptz, p_field text, p_count integer, p_hours integer) RETURNS timestamptz
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_count IS NULL OR p_count < 1 THEN
        RAISE EXCEPTION '% must be from 1 to 2147483647, not %', p_field, coalesce(p_count::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- In hours: a day of 23 or 25 hours must not move it. 4,000 years go back to before any timestamp that is stored.
    IF p_count::bigint * p_hours > 4000 * 8766 THEN
        RETURN '-infinity';
    END IF;
    RETURN p_at - p_count * p_hours * interval '1 hour';
END
$$;

CALL script_tracking.allow('script_tracking.window_start(timestamptz, text, integer, integer)');
