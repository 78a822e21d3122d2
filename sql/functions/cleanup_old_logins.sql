-- Removes attempts to log in that are older than so many days, and sessions that expired before; returns how many of both.
-- Lock-out looks back a day at most, so it loses nothing.
CREATE OR REPLACE FUNCTION script_tracking.cleanup_old_logins(p_retention_days integer DEFAULT 365) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_before timestamptz := script_tracking.window_start(clock_timestamp(), 'p_retention_days', p_retention_days, 24);
    v_sessions bytea[] := ARRAY(SELECT session_hk FROM script_tracking.session_s
                                WHERE load_end_date IS NULL AND expires_at < v_before);
    v_attempts integer;
BEGIN
    DELETE FROM script_tracking.login_attempt WHERE attempted_at < v_before;
    GET DIAGNOSTICS v_attempts = ROW_COUNT;
    DELETE FROM script_tracking.session_s WHERE session_hk = ANY (v_sessions);
    DELETE FROM script_tracking.session_h WHERE session_hk = ANY (v_sessions);
    RETURN v_attempts + cardinality(v_sessions);
END
$$;

CALL script_tracking.allow('script_tracking.cleanup_old_logins(integer)', 'script_tracking_admin');
