-- A time as answers give it: RFC 3339, UTC, whole seconds, whatever the session's TimeZone.
CREATE OR REPLACE FUNCTION script_tracking.utc_text(p_time timestamptz) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN to_char(p_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');
END
$$;

CALL script_tracking.allow('script_tracking.utc_text(timestamptz)', 'script_tracking_reader');
