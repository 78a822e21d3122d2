-- The last state of a migration, whoever wrote it and however its version was spelt; NULL when there is none.
CREATE OR REPLACE FUNCTION script_tracking.last_migration(p_kind text, p_version text) RETURNS script_tracking.migration
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v script_tracking.migration;
BEGIN
    SELECT * INTO v FROM script_tracking.migration m
    WHERE m.migration_kind = p_kind
        AND script_tracking.migration_key(p_kind, m.migration_version) = script_tracking.migration_key(p_kind, p_version)
    ORDER BY m.load_date DESC, m.state_number DESC LIMIT 1;
    RETURN v;
END
$$;

CALL script_tracking.allow('script_tracking.last_migration(text, text)');
