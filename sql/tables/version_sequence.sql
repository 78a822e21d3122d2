-- Numbers versions. A transaction may commit late: only (log_xid, version_number) orders the log.
CREATE SEQUENCE IF NOT EXISTS script_tracking.version_sequence AS bigint;
