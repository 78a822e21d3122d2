-- Hands the dropped objects to event_trigger_ddl_end, which comes right after it and can't ask for them, with the command's
-- start: a later command's are others. Without those in schemas that are not captured: the schema of what is on a table
-- (trigger, policy, rule, constraint, default) is told by its address only, as an identity may hold any name. Where a table's
-- long values were is no object of anyone's.
CREATE OR REPLACE FUNCTION script_tracking.event_trigger_sql_drop() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_command text[] := string_to_array(current_setting('script_tracking.ddl_command', true), ' ');
    v_set text;
BEGIN
    IF v_command[1] ~ '^[0-9]+$' AND v_command[1] <> '1' OR coalesce(current_setting('script_tracking.installing', true), '') = 'on'
       AND pg_has_role(session_user, current_user, 'MEMBER') THEN
        RETURN;
    END IF;
    v_set := set_config('script_tracking.ddl_dropped', coalesce(v_command[4], '') || ' ' || ARRAY(
        SELECT object_identity FROM pg_event_trigger_dropped_objects()
        WHERE schema_name IS DISTINCT FROM 'pg_toast' AND NOT ARRAY['', coalesce(schema_name,
                CASE WHEN object_type IN ('trigger', 'policy', 'rule', 'table constraint', 'default value')
                     THEN address_names[1] END)] && ARRAY(
            SELECT CASE kind WHEN 'role' THEN '' ELSE name::text END FROM script_tracking.capture_rule
            WHERE NOT captured AND (kind = 'schema' OR name = session_user)))::text, false);
EXCEPTION
    WHEN OTHERS THEN
        PERFORM script_tracking.event_trigger_failed(TG_EVENT, TG_TAG, SQLSTATE, SQLERRM);
END
$$;

CALL script_tracking.allow('script_tracking.event_trigger_sql_drop()');
