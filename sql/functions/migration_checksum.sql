-- SHA-256 of a migration's text as UTF-8, with every line ending as a line feed. A byte order mark is no part of the text.
CREATE OR REPLACE FUNCTION script_tracking.migration_checksum(p_text text) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN sha256(convert_to(replace(replace(p_text, E'\r\n', E'\n'), E'\r', E'\n'), 'UTF8'));
END
$$;

CALL script_tracking.allow('script_tracking.migration_checksum(text)', 'script_tracking_admin');
