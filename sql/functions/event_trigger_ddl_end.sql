-- Records a DDL command that has ended, both versions at once, unless it ran inside of another. As lean as
-- event_trigger_ddl_start: what is rare is asked in one expression, then in detail.
CREATE OR REPLACE FUNCTION script_tracking.event_trigger_ddl_end() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_said text := current_setting('script_tracking.ddl_command', true);
    v_start text;
    v_command text[];
    v_depth integer;
    v_set text;
    v_objects text[];
    v_object text;
    v_unique text[];
    v_done boolean;
    v_metadata jsonb;
    v_started timestamptz;
    v_ended timestamptz;
    v_duration_ms integer;
    v_text text;
    v_business_key text;
    v_execution_hk bytea;
    v_rest text;
    v_tenant_hk bytea;
    v_audited boolean;
BEGIN
    -- Nothing above may fail: it would be out of this block's reach, and so fail the command.
    -- Its user may have changed what the session says: it must be possible. Most commands: nothing ran in it, and nothing is to
    -- be ended that was begun elsewhere.
    IF starts_with(v_said, '1 0 ' || extract(epoch FROM statement_timestamp()) || ' ')
       AND v_said ~ '^.{22}[0-9]{10}[.][0-9]{6}  $' THEN
        v_start := substr(v_said, 23, 17);
    ELSE
        v_command := string_to_array(v_said, ' ');
    END IF;
    -- What can run users' code left a row. Where the session says that this is such a command and in no other, all rows go: were it a
    -- lie, each of those commands would be recorded.
    IF v_start IS NULL THEN
        SELECT max(depth) INTO v_depth FROM script_tracking.ddl_running WHERE log_xid = pg_current_xact_id_if_assigned();
        IF v_depth IS NOT NULL THEN
            DELETE FROM script_tracking.ddl_running WHERE log_xid = pg_current_xact_id_if_assigned() AND depth = v_depth;
            IF v_depth > 1 THEN
                IF v_command[1] ~ '^[0-9]{1,9}$' THEN
                    v_command[1] := v_command[1]::integer - 1;
                    v_set := set_config('script_tracking.ddl_command', array_to_string(v_command, ' '), false);
                END IF;
                RETURN;
            END IF;
        END IF;
    ELSIF TG_TAG IN ('CREATE TABLE AS', 'SELECT INTO', 'CREATE MATERIALIZED VIEW', 'REFRESH MATERIALIZED VIEW', 'CREATE EXTENSION',
            'ALTER EXTENSION', 'CREATE SCHEMA', 'CREATE INDEX', 'ALTER TABLE', 'ALTER DOMAIN', 'IMPORT FOREIGN SCHEMA') THEN
        DELETE FROM script_tracking.ddl_running WHERE log_xid = pg_current_xact_id_if_assigned();
    END IF;
    v_metadata := jsonb_build_object('tag', TG_TAG);
    IF v_start IS NULL THEN
        IF (v_command[3] = extract(epoch FROM statement_timestamp())::text AND v_command[2] ~ '^[0-9]{1,9}$'
            AND v_command[4] COLLATE "C" >= v_command[3] AND v_command[4] ~ '^[0-9]{10}[.][0-9]{6}$') IS NOT TRUE THEN
            IF coalesce(current_setting('script_tracking.installing', true), '') = 'on'
               AND pg_has_role(session_user, current_user, 'MEMBER') THEN
                RETURN;
            END IF;
            -- A command whose start is not known is recorded all the same.
            v_command := ARRAY['', '0', '', extract(epoch FROM statement_timestamp())::text, '', ''];
        END IF;
        v_start := v_command[4];
        IF v_command[2] <> '0' THEN
            v_metadata := v_metadata || jsonb_build_object('nested_commands', v_command[2]::integer);
        END IF;
    END IF;
    v_set := set_config('script_tracking.ddl_command', '', false);
    SELECT (SELECT CASE WHEN b.trusted THEN script_tracking.chosen_tenant() ELSE b.tenant_hk END
            FROM script_tracking.login_binding b WHERE b.login = session_user),
           (SELECT value = 'on' FROM script_tracking.setting WHERE name = 'audit_log'),
           -- Without what is not captured: a schema by its name, a login by ''. GRANT and the like give a row without
           -- identity: something was done, to what is not told.
           ARRAY(SELECT object_identity FROM pg_event_trigger_ddl_commands()
                 WHERE NOT in_extension AND NOT ARRAY['', coalesce(schema_name, CASE WHEN object_type IN ('trigger', 'policy', 'rule')
                         THEN (pg_identify_object_as_address(classid, objid, objsubid)).object_names[1] END)] && ARRAY(
                     SELECT CASE kind WHEN 'role' THEN '' ELSE name::text END FROM script_tracking.capture_rule
                     WHERE NOT captured AND (kind = 'schema' OR name = session_user)))
    INTO v_tenant_hk, v_audited, v_objects;
    IF starts_with(current_setting('script_tracking.ddl_dropped', true), v_start || ' ') THEN
        v_objects := v_objects || substr(current_setting('script_tracking.ddl_dropped'), length(v_start) + 2)::text[];
    END IF;
    IF v_objects = '{}' OR cardinality(v_objects) > 100 OR current_setting('script_tracking.enabled', true) <> ''
       OR current_setting('role') <> 'none' OR v_command IS NOT NULL THEN
        IF current_setting('role') <> 'none' THEN
            v_metadata := v_metadata || jsonb_build_object('role', current_setting('role'));
        END IF;
        v_done := v_objects <> '{}';
        IF v_done AND script_tracking.capture_is_off() THEN
            INSERT INTO script_tracking.capture_switch_off (tag) VALUES (TG_TAG) ON CONFLICT (log_xid) DO NOTHING;
            v_done := false;
        END IF;
        v_objects := script_tracking.add_objects(NULL, v_objects);
        IF cardinality(v_objects) > 100 THEN
            v_metadata := v_metadata || jsonb_build_object('objects', cardinality(v_objects));
            v_objects := script_tracking.fit_objects(v_objects);
        END IF;
        IF script_tracking.event_trigger_end_concurrent(v_command, v_done, v_objects, v_metadata) OR NOT v_done THEN
            RETURN;
        END IF;
    END IF;

    -- What write_finished does, written out: half of the time. verify() would tell of a hash that differs.
    IF cardinality(v_objects) = 1 THEN
        v_unique := nullif(v_objects, '{NULL}');
    ELSE  -- a table and its row type have one identity
        FOREACH v_object IN ARRAY v_objects LOOP
            IF v_object IS NOT NULL AND v_object <> ALL (coalesce(v_unique, '{}')) THEN
                v_unique := v_unique || v_object;
            END IF;
        END LOOP;
    END IF;
    v_text := current_query();
    IF v_text ~ '[''$]|--|/[*]|[0-9]{5}' OR length(v_text) > 4000 THEN
        v_text := script_tracking.redact_sql(v_text, 4000);
    END IF;
    v_ended := clock_timestamp();
    v_started := least(greatest(to_timestamp(v_start::double precision), statement_timestamp()), v_ended);
    v_duration_ms := floor(least((extract(epoch FROM v_ended) - extract(epoch FROM v_started)) * 1000, 2147483647));
    v_business_key := TG_TAG || to_char(v_started AT TIME ZONE 'UTC', '_YYYY-MM-DD_HH24:MI:SS.US_')
        || lpad(to_hex((random() * 16777215)::integer), 6, '0');  -- a uuid's randomness is asked of the kernel, which takes 7 microseconds
    v_execution_hk := sha256(convert_to(v_business_key, 'UTF8'));
    -- The text of the array that hash_attributes builds, but its beginning, in which the two versions differ. No tag needs an escape.
    v_rest := substr(jsonb_build_array(session_user, host(inet_client_addr()), to_jsonb(v_unique), v_text, NULL::text,
        v_metadata)::text, 2);
    WITH hub AS (
        INSERT INTO script_tracking.script_execution_h
            (script_execution_hk, script_execution_bk, tenant_hk, load_date, record_source)
        VALUES (v_execution_hk, v_business_key, v_tenant_hk, v_ended, 'event_trigger_ddl_end'))
    INSERT INTO script_tracking.script_execution_s
        (script_execution_hk, load_date, load_end_date, hash_diff, script_name, script_type, execution_status,
         execution_timestamp, execution_duration_ms, db_session_user, client_ip, affected_objects, sql_command, metadata,
         record_source, tenant_hk)
    SELECT v_execution_hk, v.load_date, v.load_end_date,
        sha256(convert_to('["v1", "' || TG_TAG || '", "DDL_AUTO", "' || v.status || '", '
            || (extract(epoch FROM v_started) * 1000000)::bigint || ', ' || coalesce(v.duration_ms::text, 'null') || ', ' || v_rest,
            'UTF8')),
        TG_TAG, 'DDL_AUTO', v.status, v_started, v.duration_ms, session_user, inet_client_addr(), v_unique, v_text, v_metadata,
        'event_trigger_ddl_end', v_tenant_hk
    FROM (VALUES ('RUNNING', NULL, v_ended, v_ended + interval '1 microsecond'),
                 ('COMPLETED', v_duration_ms, v_ended + interval '1 microsecond', NULL))
        AS v (status, duration_ms, load_date, load_end_date);
    IF v_audited THEN
        PERFORM script_tracking.report_completion(v_execution_hk, TG_TAG, 'DDL_AUTO', 'COMPLETED', v_duration_ms);
    END IF;
EXCEPTION
    WHEN OTHERS THEN
        PERFORM script_tracking.event_trigger_failed(TG_EVENT, TG_TAG, SQLSTATE, SQLERRM);
END
$$;

CALL script_tracking.allow('script_tracking.event_trigger_ddl_end()');
