-- A function of the site's own that a tracking function wraps: it is there, and returns one jsonb.
CREATE OR REPLACE FUNCTION script_tracking.site_function(p_signature text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT oid::regproc::text FROM pg_proc
            WHERE oid = to_regprocedure(p_signature) AND prokind = 'f' AND prorettype = 'jsonb'::regtype AND NOT proretset);
END
$$;

CALL script_tracking.allow('script_tracking.site_function(text)', 'script_tracking_writer');
