-- Removes all of ours, nothing of the site's: what the owner owns is ours, and what depends on it stops the uninstall.
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL client_min_messages = warning;

-- Event triggers first: they would fire on the rest.
DO $$
DECLARE
    v_name name;
BEGIN
    FOR v_name IN SELECT evtname FROM pg_event_trigger JOIN pg_proc p ON p.oid = evtfoid
                  WHERE p.pronamespace = to_regnamespace('script_tracking') LOOP
        EXECUTE format('DROP EVENT TRIGGER %I', v_name);
    END LOOP;
END
$$;
