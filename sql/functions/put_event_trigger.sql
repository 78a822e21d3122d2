-- Creates an event trigger that fires ALWAYS: session_replication_role must not bypass it. One that is there stays as it is
-- (who disabled it meant to; the health report says so). Runs as the installer, who must be a superuser.
CREATE OR REPLACE PROCEDURE script_tracking.put_event_trigger(p_name name, p_event text, p_function regproc)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_function regproc := (SELECT evtfoid FROM pg_event_trigger WHERE evtname = p_name);
BEGIN
    IF v_function <> p_function THEN
        RAISE WARNING 'Opledger: the event trigger % is missing: there is another of that name, which calls %', p_name, v_function
            USING HINT = format('Where it is not needed: DROP EVENT TRIGGER %I; then install again.', p_name);
        RETURN;
    END IF;
    IF v_function IS NULL THEN
        EXECUTE format('CREATE EVENT TRIGGER %I ON %s EXECUTE FUNCTION %s()', p_name, p_event, p_function);
        EXECUTE format('ALTER EVENT TRIGGER %I ENABLE ALWAYS', p_name);
        PERFORM script_tracking.note_event_trigger(p_name);
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE WARNING 'Opledger: the event trigger % is missing: %', p_name, SQLERRM
            USING DETAIL = 'Without the three event triggers DDL is not recorded; all else works.',
                  HINT = 'Let a superuser install again.';
END
$$;

CALL script_tracking.allow('script_tracking.put_event_trigger(name, text, regproc)');
