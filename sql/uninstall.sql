-- Removes what install.sql made in this database: psql -f sql/uninstall.sql
\set ON_ERROR_STOP on
BEGIN;
\ir privileges/uninstall.sql
COMMIT;
