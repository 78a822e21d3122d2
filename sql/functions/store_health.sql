-- What this database alone has to say of its health, for get_system_health and for a store: it is that of now.
CREATE OR REPLACE FUNCTION script_tracking.store_health()
RETURNS TABLE (health_category text, health_metric text, current_status text, details text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT 'CAPTURE', c.health_metric, c.current_status, c.details FROM script_tracking.capture_health() c;
    RETURN QUERY SELECT 'LOG', l.health_metric, l.current_status, l.details
        FROM script_tracking.log_health(clock_timestamp()) l;
END
$$;

CALL script_tracking.allow('script_tracking.store_health()', 'script_tracking_reader');
