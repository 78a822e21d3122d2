-- Ten figures of the last 24 hours.
CREATE OR REPLACE FUNCTION script_tracking.get_enterprise_dashboard()
RETURNS TABLE (metric_name varchar(100), metric_value decimal(15,2), metric_unit varchar(20), status varchar(20),
    last_updated timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT * FROM script_tracking.enterprise_dashboard_at(clock_timestamp());
END
$$;

CALL script_tracking.allow('script_tracking.get_enterprise_dashboard()', 'script_tracking_reader');
