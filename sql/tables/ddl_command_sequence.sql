-- Counts the starts and ends of DDL commands: a session's number modulo 8 is how deep its commands are nested now. currval()
-- is a memory of the session that its user can't set, as he can a setting. Caches of whole eights keep the count.
CREATE SEQUENCE IF NOT EXISTS script_tracking.ddl_command_sequence AS bigint MINVALUE 0 START 0 CACHE 1024;
