-- Takes a function from PUBLIC and gives it to one role, where that role is there. Each file of a function ends with it.
-- The comment marks it as ours: in auth and util there are also the site's own.
CREATE OR REPLACE PROCEDURE script_tracking.allow(p_function regprocedure, p_role text DEFAULT NULL)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', p_function);
    IF obj_description(p_function, 'pg_proc') IS NULL THEN
        EXECUTE format('COMMENT ON ROUTINE %s IS %L', p_function, 'Part of Opledger.');
    END IF;
    IF to_regrole(p_role) IS NOT NULL THEN
        EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO %I', p_function, p_role);
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.allow(regprocedure, text)');
