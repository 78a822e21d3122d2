-- Remembers when a DDL command began. script_tracking.ddl_command holds, while a command runs: depth, commands nested in it,
-- statement_timestamp, start, hash key of a start that had to be written, that of one before which got no end. It is the
-- session's, so it may say anything: whether a command is nested is told by ddl_running. Only what can run users' code is
-- written there; in what can't, DDL is another event trigger's, and counts. In doubt more is recorded.
-- Each expression costs a microsecond or two of everyone's DDL, PERFORM ten: hence few of them, and assignments.
CREATE OR REPLACE FUNCTION script_tracking.event_trigger_ddl_start() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_said text := current_setting('script_tracking.ddl_command', true);
    v_command text[];
    v_concurrently boolean;
    v_execution_hk text;
    v_interrupted_hk text;
    v_set text;
BEGIN
    -- Most commands: nothing runs, as far as the session says.
    IF v_said <> '' OR v_said IS NULL OR current_setting('script_tracking.installing', true) = 'on' THEN
        -- Our own install, upgrade or uninstall is not recorded: it says so, and its login may say so.
        IF coalesce(current_setting('script_tracking.installing', true), '') = 'on'
           AND pg_has_role(session_user, current_user, 'MEMBER') THEN
            RETURN;
        END IF;
        v_command := string_to_array(v_said, ' ');
        IF v_command[3] = extract(epoch FROM statement_timestamp())::text THEN
            INSERT INTO script_tracking.ddl_running (log_xid, depth)
            SELECT log_xid, max(depth) + 1 FROM script_tracking.ddl_running
            WHERE log_xid = pg_current_xact_id_if_assigned() GROUP BY log_xid;
            IF FOUND THEN
                IF v_command[1] ~ '^[0-9]{1,9}$' AND v_command[2] ~ '^[0-9]{1,9}$' THEN
                    v_command[1] := v_command[1]::integer + 1;
                    v_command[2] := v_command[2]::integer + 1;
                    v_set := set_config('script_tracking.ddl_command', array_to_string(v_command, ' '), false);
                END IF;
                RETURN;
            END IF;
        ELSIF v_command <> '{}' THEN
            v_interrupted_hk := substring(concat(v_command[5], v_command[6]) FROM '^[0-9a-f]{64}$');
        END IF;
    END IF;
    v_concurrently := TG_TAG IN ('CREATE INDEX', 'DROP INDEX', 'ALTER TABLE', 'REINDEX')
        AND coalesce(current_query(), 'concurrently') ~* 'concurrently';
    -- DROP INDEX CONCURRENTLY refuses to run once anything was written.
    IF v_interrupted_hk <> '' AND NOT (v_concurrently AND TG_TAG = 'DROP INDEX') THEN
        PERFORM script_tracking.fail_interrupted_ddl(decode(v_interrupted_hk, 'hex'));
        v_interrupted_hk := NULL;
    END IF;
    IF v_concurrently AND TG_TAG <> 'DROP INDEX' THEN
        v_execution_hk := script_tracking.event_trigger_start_concurrent(TG_TAG);
    -- Not where the row could be committed on the way. There is a row already where the session said wrongly that nothing runs.
    ELSIF NOT v_concurrently AND TG_TAG IN ('CREATE TABLE AS', 'SELECT INTO', 'CREATE MATERIALIZED VIEW',
            'REFRESH MATERIALIZED VIEW', 'CREATE EXTENSION', 'ALTER EXTENSION', 'CREATE SCHEMA', 'CREATE INDEX', 'ALTER TABLE',
            'ALTER DOMAIN', 'IMPORT FOREIGN SCHEMA') THEN
        INSERT INTO script_tracking.ddl_running (log_xid, depth) VALUES (pg_current_xact_id(), 1) ON CONFLICT DO NOTHING;
    END IF;
    -- For the session: a setting of the transaction is lost where the command commits on its way.
    v_set := set_config('script_tracking.ddl_command', '1 0 ' || extract(epoch FROM statement_timestamp()) || ' '
        || extract(epoch FROM clock_timestamp()) || ' ' || coalesce(v_execution_hk, '') || ' ' || coalesce(v_interrupted_hk, ''),
        false);
EXCEPTION
    WHEN OTHERS THEN
        PERFORM script_tracking.event_trigger_failed(TG_EVENT, TG_TAG, SQLSTATE, SQLERRM);
END
$$;

CALL script_tracking.allow('script_tracking.event_trigger_ddl_start()');
