-- Remembers when a DDL command began; writes nothing. script_tracking.ddl_command holds, while a command runs: number, commands
-- nested in it, statement_timestamp, start, hash key of a start that had to be written, that of one before which got no end.
-- It holds for this statement and for the number that the session's sequence is at: what a failed command left behind is
-- found stale, and a user who sets it hides nothing. In doubt (a nested command failed, the outer goes on) more is recorded.
-- Each expression costs a microsecond or two of everyone's DDL, PERFORM ten: hence few of them, and assignments.
CREATE OR REPLACE FUNCTION script_tracking.event_trigger_ddl_start() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_command text[] := string_to_array(current_setting('script_tracking.ddl_command', true), ' ');
    v_number bigint;
    v_concurrently boolean;
    v_execution_hk text;
    v_interrupted_hk text;
    v_set text;
BEGIN
    -- Our own install, upgrade or uninstall is not recorded: it says so, and its login may say so.
    IF coalesce(current_setting('script_tracking.installing', true), '') = 'on'
       AND pg_has_role(session_user, current_user, 'MEMBER') THEN
        RETURN;
    END IF;
    IF v_command <> '{}' OR TG_TAG IN ('CREATE INDEX', 'DROP INDEX', 'ALTER TABLE', 'REINDEX') THEN
        IF v_command[3] = extract(epoch FROM statement_timestamp())::text THEN
            v_number := nextval('script_tracking.ddl_command_sequence');
            IF v_number % 8 > 1 AND v_command[1] = (v_number - 1)::text THEN
                v_command[1] := v_number;
                v_command[2] := v_command[2]::integer + 1;
                v_set := set_config('script_tracking.ddl_command', array_to_string(v_command, ' '), false);
                RETURN;
            END IF;
        ELSE
            v_interrupted_hk := substring(concat(v_command[5], v_command[6]) FROM '^[0-9a-f]{64}$');
        END IF;
        v_concurrently := TG_TAG IN ('CREATE INDEX', 'DROP INDEX', 'ALTER TABLE', 'REINDEX')
            AND coalesce(current_query(), 'concurrently') ~* 'concurrently';
    END IF;
    -- DROP INDEX CONCURRENTLY refuses to run once anything was written, be it by nextval(). Nothing can be nested in it.
    IF v_concurrently AND TG_TAG = 'DROP INDEX' THEN
        v_number := 0;
    ELSE
        v_number := nextval('script_tracking.ddl_command_sequence');
        WHILE v_number % 8 <> 1 LOOP  -- the last command failed, and so never ended
            v_number := nextval('script_tracking.ddl_command_sequence');
        END LOOP;
        IF v_interrupted_hk <> '' THEN
            PERFORM script_tracking.fail_interrupted_ddl(decode(v_interrupted_hk, 'hex'));
            v_interrupted_hk := NULL;
        END IF;
        IF v_concurrently THEN
            v_execution_hk := script_tracking.event_trigger_start_concurrent(TG_TAG);
        END IF;
    END IF;
    -- For the session: a setting of the transaction is lost where the command commits on its way.
    v_set := set_config('script_tracking.ddl_command', v_number || ' 0 ' || extract(epoch FROM statement_timestamp()) || ' '
        || extract(epoch FROM clock_timestamp()) || ' ' || coalesce(v_execution_hk, '') || ' ' || coalesce(v_interrupted_hk, ''),
        false);
EXCEPTION
    WHEN OTHERS THEN
        PERFORM script_tracking.event_trigger_failed(TG_EVENT, TG_TAG, SQLSTATE, SQLERRM);
END
$$;

CALL script_tracking.allow('script_tracking.event_trigger_ddl_start()');
