-- The columns' default only: our functions pass their own load_date. A site that has this function keeps its own.
DO $do$
BEGIN
    IF to_regprocedure('util.current_load_date()') IS NULL
       OR obj_description(to_regprocedure('util.current_load_date()'), 'pg_proc') = 'Part of Opledger.'
    THEN
        CREATE OR REPLACE FUNCTION util.current_load_date() RETURNS timestamptz
        LANGUAGE sql VOLATILE
        SET search_path = pg_catalog, pg_temp
        AS 'SELECT clock_timestamp()';

        CALL script_tracking.allow('util.current_load_date()', 'script_tracking_reader');
    END IF;
END
$do$;
