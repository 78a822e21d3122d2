-- Lets one role read a table or view, where that role is there. Nobody is ever let write.
CREATE OR REPLACE PROCEDURE script_tracking.allow_table(p_table regclass, p_role text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF to_regrole(p_role) IS NOT NULL THEN
        EXECUTE format('GRANT SELECT ON %s TO %I', p_table, p_role);
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.allow_table(regclass, text)');
