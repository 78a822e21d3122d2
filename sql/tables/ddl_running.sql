-- The DDL commands of a transaction that run now and may have others in them, by depth. Rows of a command that failed are rolled
-- back with it, and users may not write any: what a session says of itself (script_tracking.ddl_command) hides nothing.
CREATE UNLOGGED TABLE IF NOT EXISTS script_tracking.ddl_running (
    log_xid xid8,
    depth integer,
    PRIMARY KEY (log_xid, depth)
);
ALTER TABLE script_tracking.ddl_running ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.ddl_running', 'script_tracking_admin');
