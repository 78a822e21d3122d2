-- Carries out units on operations of one tenant (NULL: the system's), each at a place in the arrays, no two on the same operation:
-- a start where p_business_keys has one, else a version that follows the open one of the p_expect arguments. Judges as the Rust core does.
-- One row a place: outcome 'done', 'replayed' (with the version's number), 'conflict' (with their hash_diff, where it may be
-- seen), 'unknown', 'moved', 'finished' or 'not later'. Hashes that lie are an error, 22023, and so is what breaks a limit: what does
-- not look fine at a glance is looked at closely.
CREATE OR REPLACE FUNCTION script_tracking.store_commit(
    p_tenant_hk bytea, p_units uuid[], p_keys bytea[], p_business_keys text[], p_hub_load_dates timestamptz[], p_hub_sources text[],
    p_expect_load_dates timestamptz[], p_expect_hash_diffs bytea[], p_load_dates timestamptz[], p_hash_diffs bytea[],
    p_names text[], p_types text[], p_statuses text[], p_timestamps timestamptz[], p_durations integer[], p_users text[],
    p_addresses inet[], p_objects text[], p_sql_commands text[], p_error_messages text[], p_metadata text[], p_sources text[])
RETURNS TABLE (place integer, outcome text, epoch bigint, log_xid xid8, version_number bigint, theirs bytea)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan  -- planning takes longer than the work
AS $$
DECLARE
    v_xid xid8 := pg_current_xact_id();
    v_epoch bigint := (SELECT max(e.epoch) FROM script_tracking.log_epoch e);
    v_audited boolean := (SELECT value = 'on' FROM script_tracking.setting WHERE name = 'audit_log');
    v_bad integer;
BEGIN
    -- The statement below takes long to start: that pays from here on.
    IF cardinality(p_units) <= 8 THEN
        FOR v_place IN 1 .. cardinality(p_units) LOOP
            SELECT o.outcome, o.epoch, o.log_xid, o.version_number, o.theirs INTO outcome, epoch, log_xid, version_number, theirs
            FROM script_tracking.store_commit_one(p_tenant_hk, p_units[v_place], p_keys[v_place], p_business_keys[v_place],
                p_hub_load_dates[v_place], p_hub_sources[v_place], p_expect_load_dates[v_place], p_expect_hash_diffs[v_place],
                p_load_dates[v_place], p_hash_diffs[v_place], p_names[v_place], p_types[v_place], p_statuses[v_place],
                p_timestamps[v_place], p_durations[v_place], p_users[v_place], p_addresses[v_place], p_objects[v_place],
                p_sql_commands[v_place], p_error_messages[v_place], p_metadata[v_place], p_sources[v_place]) o;
            place := v_place;
            RETURN NEXT;
        END LOOP;
        RETURN;
    END IF;
    PERFORM script_tracking.store_scope(false, p_tenant_hk);
    FOR place, version_number, v_bad IN
        WITH given AS MATERIALIZED (
            SELECT g.*, nextval('script_tracking.version_sequence') AS number,
                length(g.name) BETWEEN 1 AND 255 AND length(g.type) BETWEEN 1 AND 50 AND g.type <> 'OVERALL'
                    AND g.status IN ('RUNNING', 'COMPLETED', 'FAILED') AND g.duration IS NOT DISTINCT FROM abs(g.duration)
                    AND length(g.source) <= 100 AND (g.hub_source IS NULL OR length(g.hub_source) <= 100)
                    AND (g.login IS NULL OR length(g.login) <= 100)
                    AND (g.business_key IS NULL OR length(g.business_key) <= 255 AND g.hk = sha256(convert_to(g.business_key, 'UTF8')))
                    AND (g.sql_command IS NULL OR octet_length(g.sql_command) <= 1048576)
                    AND (g.error_message IS NULL OR octet_length(g.error_message) <= 1048576)
                    AND (g.metadata_text IS NULL OR octet_length(g.metadata_text) <= 1048576
                        AND length(g.metadata_text) - length(translate(g.metadata_text, '{[', '')) <= 128)
                    AND (g.objects_text IS NULL OR octet_length(g.objects_text) <= 1048576
                        AND coalesce(array_ndims(g.objects), 1) = 1 AND cardinality(g.objects) <= 10000)
                    AND g.hash_diff = sha256(convert_to(jsonb_build_array('v1', g.name, g.type, g.status,
                        (extract(epoch FROM g.started) * 1000000)::bigint, g.duration, g.login, host(g.address), to_jsonb(g.objects),
                        g.sql_command, g.error_message, g.metadata)::text, 'UTF8'))
                    AND (g.metadata IS NULL OR jsonb_typeof(g.metadata) = 'object') AS fine
            FROM (SELECT u.*, u.objects_text::text[] AS objects, u.metadata_text::jsonb AS metadata
                FROM unnest(p_units, p_keys, p_business_keys, p_hub_load_dates, p_hub_sources, p_expect_load_dates,
                        p_expect_hash_diffs, p_load_dates, p_hash_diffs, p_names, p_types, p_statuses, p_timestamps, p_durations,
                        p_users, p_addresses, p_objects, p_sql_commands, p_error_messages, p_metadata, p_sources)
                    WITH ORDINALITY AS u (unit, hk, business_key, hub_load_date, hub_source, expect_load_date,
                        expect_hash_diff, load_date, hash_diff, name, type, status, started, duration, login, address,
                        objects_text, sql_command, error_message, metadata_text, source, place)
                ORDER BY u.place) AS g
        ), hubs AS (
            INSERT INTO script_tracking.script_execution_h AS h
                (script_execution_hk, script_execution_bk, tenant_hk, load_date, record_source, log_xid)
            SELECT g.hk, g.business_key, p_tenant_hk, g.hub_load_date, g.hub_source, v_xid FROM given g
            WHERE g.business_key IS NOT NULL
            ON CONFLICT DO NOTHING
            RETURNING h.script_execution_hk
        ), closed AS (
            UPDATE script_tracking.script_execution_s s SET load_end_date = g.load_date
            FROM given g
            WHERE g.business_key IS NULL AND s.script_execution_hk = g.hk AND s.load_date = g.expect_load_date
                AND s.load_end_date IS NULL AND s.hash_diff = g.expect_hash_diff
                AND s.execution_status <> 'COMPLETED' AND s.execution_status <> 'FAILED'
                AND s.tenant_hk IS NOT DISTINCT FROM p_tenant_hk AND s.script_name = g.name AND s.script_type = g.type
                AND s.execution_timestamp = g.started AND g.load_date > s.load_date
            RETURNING s.script_execution_hk
        ), added AS (
            INSERT INTO script_tracking.script_execution_s AS s (script_execution_hk, load_date, hash_diff, version_number,
                script_name, script_type, execution_status, execution_timestamp, execution_duration_ms, db_session_user, client_ip,
                affected_objects, sql_command, error_message, metadata, record_source, tenant_hk, log_xid, recorded_by, unit_id)
            SELECT g.hk, g.load_date, g.hash_diff, g.number, g.name, g.type, g.status, g.started, g.duration, g.login, g.address,
                g.objects, g.sql_command, g.error_message, g.metadata, g.source, p_tenant_hk, v_xid,
                nullif(session_user, g.login), g.unit
            FROM given g
            WHERE g.hk IN (SELECT hubs.script_execution_hk FROM hubs UNION ALL SELECT closed.script_execution_hk FROM closed)
            RETURNING s.version_number
        )
        SELECT g.place, a.version_number, CASE WHEN g.fine THEN 0 ELSE 1 END
        FROM given g LEFT JOIN added a ON a.version_number = g.number
    LOOP
        IF v_bad = 1 THEN
            PERFORM script_tracking.store_check_unit(p_keys[place], p_business_keys[place], p_hub_sources[place], p_hash_diffs[place],
                p_names[place], p_types[place], p_statuses[place], p_timestamps[place], p_durations[place], p_users[place],
                p_addresses[place], p_objects[place]::text[], p_sql_commands[place], p_error_messages[place],
                p_metadata[place]::jsonb, p_sources[place]);
        END IF;
        IF version_number IS NOT NULL THEN
            outcome := 'done';
            IF v_audited AND p_statuses[place] <> 'RUNNING' THEN
                PERFORM script_tracking.report_completion(p_keys[place], p_names[place], p_types[place], p_statuses[place],
                    p_durations[place]);
            END IF;
            epoch := v_epoch;
            log_xid := v_xid;
            RETURN NEXT;
        ELSE
            SELECT j.* INTO outcome, epoch, log_xid, version_number, theirs
            FROM script_tracking.store_judge(p_tenant_hk, p_units[place], p_keys[place], p_business_keys[place],
                p_hub_load_dates[place], p_hub_sources[place], p_expect_load_dates[place], p_expect_hash_diffs[place],
                p_load_dates[place], p_hash_diffs[place], p_names[place], p_types[place], p_timestamps[place]) j;
            RETURN NEXT;
            theirs := NULL;
        END IF;
    END LOOP;
    IF random() < 0.0001 * cardinality(p_units) THEN
        PERFORM script_tracking.fold_operation_count(p_tenant_hk);
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.store_commit(bytea, uuid[], bytea[], text[], timestamptz[], text[], timestamptz[], '
    'bytea[], timestamptz[], bytea[], text[], text[], text[], timestamptz[], integer[], text[], inet[], text[], text[], text[], '
    'text[], text[])', 'script_tracking_writer');
