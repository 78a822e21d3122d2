-- Refuses to migrate while a runner outside of the server is at work, or what a killed one left: its statement goes on, and its
-- session holds this lock. Nobody waits for it, because a waiting statement's snapshot holds up what is built CONCURRENTLY, which
-- the server would then cancel as the one that closes a deadlock.
CREATE OR REPLACE FUNCTION script_tracking.check_no_runner() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_pid integer := (
        SELECT min(l.pid) FROM pg_locks l
        WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended('opledger migration files', 0));
BEGIN
    IF v_pid IS NOT NULL THEN
        RAISE EXCEPTION 'a runner''s migration is at work in the server''s process %', v_pid USING ERRCODE = 'lock_not_available',
            HINT = format('Run it again when that has ended. If its runner was killed, SELECT pg_terminate_backend(%s) ends it.', v_pid);
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.check_no_runner()');
