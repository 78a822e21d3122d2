-- What an event trigger does instead of failing the user's DDL: it warns, and counts the failure where that can be written.
CREATE OR REPLACE FUNCTION script_tracking.event_trigger_failed(p_event text, p_tag text, p_sqlstate text, p_message text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE WARNING 'Opledger could not record this %: %', p_tag, p_message
        USING DETAIL = format('%s, SQLSTATE %s', p_event, p_sqlstate),
              HINT = 'SELECT * FROM script_tracking.get_system_health();';
    BEGIN
        INSERT INTO script_tracking.capture_failure (event, tag, sqlstate) VALUES (p_event, p_tag, p_sqlstate);
    EXCEPTION
        WHEN OTHERS THEN RAISE WARNING 'Opledger could not count that either: %', SQLERRM;
    END;
END
$$;

CALL script_tracking.allow('script_tracking.event_trigger_failed(text, text, text, text)');
