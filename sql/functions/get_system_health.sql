-- How the ledger and what it tracks are doing, one row a metric.
CREATE OR REPLACE FUNCTION script_tracking.get_system_health()
RETURNS TABLE (health_category varchar(50), health_metric varchar(100), current_status varchar(20), details text,
    last_checked timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT * FROM script_tracking.system_health_at(clock_timestamp());
END
$$;

CALL script_tracking.allow('script_tracking.get_system_health()', 'script_tracking_reader');
