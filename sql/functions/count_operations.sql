-- How many operations the session may see: exact.
CREATE OR REPLACE FUNCTION script_tracking.count_operations() RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT coalesce(sum(script_tracking.count_operations_of(t)), 0) FROM script_tracking.each_tenant() AS t);
END
$$;

CALL script_tracking.allow('script_tracking.count_operations()');
