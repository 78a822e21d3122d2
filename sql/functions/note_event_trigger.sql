-- Notes that this event trigger was created, so that it is missed when it is gone.
CREATE OR REPLACE FUNCTION script_tracking.note_event_trigger(p_name name) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO script_tracking.expected_event_trigger (name) VALUES (p_name) ON CONFLICT (name) DO NOTHING;
END
$$;

CALL script_tracking.allow('script_tracking.note_event_trigger(name)');
