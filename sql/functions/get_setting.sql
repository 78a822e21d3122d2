-- The value of a setting; NULL when there is none of that name.
CREATE OR REPLACE FUNCTION script_tracking.get_setting(p_name text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT value FROM script_tracking.setting WHERE name = p_name);
END
$$;

CALL script_tracking.allow('script_tracking.get_setting(text)', 'script_tracking_reader');
