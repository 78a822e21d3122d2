-- Whether this session has switched the recording of its DDL off, as only an admin may: SET script_tracking.enabled = off
CREATE OR REPLACE FUNCTION script_tracking.capture_is_off() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN coalesce(lower(current_setting('script_tracking.enabled', true)) IN ('off', 'false', 'no', '0'), false)
        AND script_tracking.session_is_admin();
END
$$;

CALL script_tracking.allow('script_tracking.capture_is_off()', 'script_tracking_reader');
