-- session_tenant() with '\x' for the system: what policies compare with.
CREATE OR REPLACE FUNCTION script_tracking.session_scope() RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN coalesce(script_tracking.session_tenant(), '\x'::bytea);
END
$$;

CALL script_tracking.allow('script_tracking.session_scope()', 'script_tracking_reader');
