-- Whole milliseconds from one time to another: never negative, at most what the column holds.
CREATE OR REPLACE FUNCTION script_tracking.milliseconds(p_from timestamptz, p_to timestamptz) RETURNS integer
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN floor(least(greatest(extract(epoch FROM p_to) - extract(epoch FROM p_from), 0) * 1000, 2147483647));
END
$$;

CALL script_tracking.allow('script_tracking.milliseconds(timestamptz, timestamptz)');
