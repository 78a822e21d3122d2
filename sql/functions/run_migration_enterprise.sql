-- Runs a migration file once, and says what became of it. The one function without a search_path of its own, because the
-- file runs on the caller's: nothing here is looked up by it.
CREATE OR REPLACE FUNCTION script_tracking.run_migration_enterprise(
    p_migration_file varchar(255), p_migration_version varchar(50))
RETURNS TABLE(migration_status varchar(20), execution_time_ms integer, objects_affected integer, error_details text)
LANGUAGE sql
AS $$
    SELECT r.migration_status, r.execution_time_ms, r.objects_affected, r.error_details
    FROM script_tracking.run_migration(p_migration_file::pg_catalog.text, p_migration_version::pg_catalog.text,
        pg_catalog.current_setting('search_path')) r
$$;

CALL script_tracking.allow('script_tracking.run_migration_enterprise(varchar, varchar)', 'script_tracking_admin');
