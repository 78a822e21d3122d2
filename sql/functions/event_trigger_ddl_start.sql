-- Remembers when a DDL command began; writes nothing. script_tracking.ddl_command holds, while a command runs: number, commands
-- nested in it, statement_timestamp, start, hash key of a start that had to be written, that of one before which got no end.
-- It holds for this statement and for the number that the session's sequence is at: what a failed command left behind is
-- found stale, and a user who sets it hides nothing. In doubt (a nested command failed, the outer goes on) more is recorded.
CREATE OR REPLACE FUNCTION script_tracking.event_trigger_ddl_start() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_start text := extract(epoch FROM clock_timestamp());
    v_statement text := extract(epoch FROM statement_timestamp());
    v_command text[] := string_to_array(current_setting('script_tracking.ddl_command', true), ' ');
    v_number bigint := 0;
    v_concurrently boolean;
    v_execution_hk text := '';
    v_interrupted_hk text := '';
BEGIN
    -- Our own install, upgrade or uninstall is not recorded: it says so, and its login may say so.
    IF coalesce(current_setting('script_tracking.installing', true), '') = 'on'
       AND pg_has_role(session_user, current_user, 'MEMBER') THEN
        RETURN;
    END IF;
    IF v_command[3] = v_statement THEN
        IF v_command[1] <> '0' AND v_command[1] = currval('script_tracking.ddl_command_sequence')::text
           AND v_command[1]::bigint % 8 <> 0 THEN
            v_command[1] := nextval('script_tracking.ddl_command_sequence');
            v_command[2] := v_command[2]::integer + 1;
            PERFORM set_config('script_tracking.ddl_command', array_to_string(v_command, ' '), false);
            RETURN;
        END IF;
    ELSE
        v_interrupted_hk := coalesce(substring(concat(v_command[5], v_command[6]) FROM '^[0-9a-f]{64}$'), '');
    END IF;
    v_concurrently := TG_TAG IN ('CREATE INDEX', 'DROP INDEX', 'ALTER TABLE', 'REINDEX')
        AND coalesce(current_query(), 'concurrently') ~* 'concurrently';
    -- DROP INDEX CONCURRENTLY refuses to run once anything was written, be it by nextval(). Nothing can be nested in it.
    IF TG_TAG <> 'DROP INDEX' OR NOT v_concurrently THEN
        WHILE v_number % 8 <> 1 LOOP  -- more than one step: the last command failed, and so never ended
            v_number := nextval('script_tracking.ddl_command_sequence');
        END LOOP;
        IF v_interrupted_hk <> '' THEN
            PERFORM script_tracking.fail_interrupted_ddl(decode(v_interrupted_hk, 'hex'));
            v_interrupted_hk := '';
        END IF;
        IF v_concurrently THEN
            v_execution_hk := script_tracking.event_trigger_start_concurrent(TG_TAG);
        END IF;
    END IF;
    -- For the session: a setting of the transaction is lost where the command commits on its way.
    PERFORM set_config('script_tracking.ddl_command',
        concat_ws(' ', v_number, 0, v_statement, v_start, v_execution_hk, v_interrupted_hk), false);
    IF current_setting('script_tracking.ddl_dropped', true) <> '' THEN
        PERFORM set_config('script_tracking.ddl_dropped', '', false);
    END IF;
EXCEPTION
    WHEN OTHERS THEN
        PERFORM script_tracking.event_trigger_failed(TG_EVENT, TG_TAG, SQLSTATE, SQLERRM);
END
$$;

CALL script_tracking.allow('script_tracking.event_trigger_ddl_start()');
