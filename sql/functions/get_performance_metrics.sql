-- Five figures a type, beside those of the 24 hours before.
CREATE OR REPLACE FUNCTION script_tracking.get_performance_metrics()
RETURNS TABLE (metric_category varchar(50), metric_name varchar(100), current_value decimal(15,2), trend_direction varchar(10),
    performance_rating varchar(20))
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT * FROM script_tracking.performance_metrics_at(clock_timestamp());
END
$$;

CALL script_tracking.allow('script_tracking.get_performance_metrics()', 'script_tracking_reader');
