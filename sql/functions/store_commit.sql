-- Carries out units on operations of one tenant (NULL: the system's), each at a place in the arrays, no two on the same operation:
-- a start where p_business_keys has one, else a version that follows the open one of the p_expect arguments. Where p_next_units has one, that
-- unit's version follows this one; its place comes after all those, in the same order. Judges as the Rust core does.
-- One row a unit: outcome 'done', 'replayed' (with the version's number), 'conflict' (with their hash_diff, where it may be
-- seen), 'unknown', 'moved', 'finished' or 'not later'. Hashes that lie are an error, 22023, and so is what breaks a limit. The epoch
-- of what is done is the one that the session's store_open told.
CREATE OR REPLACE FUNCTION script_tracking.store_commit(
    p_tenant_hk bytea, p_keys bytea[], p_business_keys text[], p_hub_load_dates timestamptz[], p_hub_sources text[],
    p_expect_load_dates timestamptz[], p_expect_hash_diffs bytea[], p_names text[], p_types text[], p_timestamps timestamptz[],
    p_units uuid[], p_load_dates timestamptz[], p_hash_diffs bytea[], p_statuses text[], p_durations integer[], p_users text[],
    p_addresses inet[], p_objects text[], p_sql_commands text[], p_error_messages text[], p_metadata text[], p_sources text[],
    p_next_units uuid[], p_next_load_dates timestamptz[], p_next_hash_diffs bytea[], p_next_statuses text[], p_next_durations integer[],
    p_next_users text[], p_next_addresses inet[], p_next_objects text[], p_next_sql_commands text[], p_next_error_messages text[],
    p_next_metadata text[], p_next_sources text[])
RETURNS TABLE (place integer, outcome text, epoch bigint, log_xid xid8, version_number bigint, theirs bytea)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan  -- planning takes longer than the work
AS $$
DECLARE
    v_count integer := cardinality(p_units);
    v_starts integer := cardinality(array_remove(p_business_keys, NULL));
    v_versions integer := v_count + cardinality(array_remove(p_next_units, NULL));
    v_numbers bigint[];
    v_done integer;
    v_xid xid8;
BEGIN
    -- Most batches fit as a whole, in a third of the time; one that does not is gone through unit by unit.
    PERFORM script_tracking.store_scope(false, p_tenant_hk);
    v_xid := pg_current_xact_id();
    v_numbers := ARRAY(SELECT nextval('script_tracking.version_sequence') FROM generate_series(1, 2 * v_count));
    BEGIN
        v_done := 0;
        IF v_starts > 0 THEN
            INSERT INTO script_tracking.script_execution_h
                (script_execution_hk, script_execution_bk, tenant_hk, load_date, record_source, log_xid)
            SELECT g.hk, g.business_key, p_tenant_hk, g.load_date, g.source, v_xid
            FROM unnest(p_keys, p_business_keys, p_hub_load_dates, p_hub_sources) AS g (hk, business_key, load_date, source)
            WHERE g.hk = sha256(convert_to(g.business_key, 'UTF8')) AND octet_length(g.business_key) <= 255
                AND octet_length(g.source) <= 100;
            GET DIAGNOSTICS v_done = ROW_COUNT;
        END IF;
        IF v_done = v_starts AND v_starts < v_count THEN
            UPDATE script_tracking.script_execution_s s SET load_end_date = g.load_date
            FROM unnest(p_keys, p_business_keys, p_expect_load_dates, p_expect_hash_diffs, p_load_dates, p_names, p_types, p_timestamps)
                AS g (hk, business_key, expect_load_date, expect_hash_diff, load_date, name, type, started)
            WHERE g.business_key IS NULL AND s.script_execution_hk = g.hk AND s.load_date = g.expect_load_date
                AND s.load_end_date IS NULL AND s.hash_diff = g.expect_hash_diff
                AND s.execution_status <> 'COMPLETED' AND s.execution_status <> 'FAILED'
                AND s.tenant_hk IS NOT DISTINCT FROM p_tenant_hk AND s.script_name = g.name AND s.script_type = g.type
                AND s.execution_timestamp = g.started AND g.load_date > s.load_date;
            GET DIAGNOSTICS v_done = ROW_COUNT;
            v_done := v_starts + v_done;
        END IF;
        IF v_done = v_count THEN
            INSERT INTO script_tracking.script_execution_s (script_execution_hk, load_date, load_end_date, hash_diff, version_number,
                script_name, script_type, execution_status, execution_timestamp, execution_duration_ms, db_session_user, client_ip,
                affected_objects, sql_command, error_message, metadata, record_source, tenant_hk, log_xid, recorded_by, unit_id)
            SELECT g.hk, g.load_date, g.load_end_date, g.hash_diff, g.number, g.name, g.type, g.status, g.started, g.duration, g.login,
                g.address, g.objects, g.sql_command, g.error_message, g.metadata, g.source, p_tenant_hk, v_xid,
                nullif(session_user, g.login), g.unit
            FROM (SELECT u.*, u.objects_text::text[] AS objects, u.metadata_text::jsonb AS metadata
                FROM (SELECT o.hk, o.name, o.type, o.started, o.unit, o.load_date, o.hash_diff, o.status, o.duration, o.login, o.address,
                        o.objects, o.sql_command, o.error_message, o.metadata, o.source, o.number,
                        CASE WHEN o.next_unit IS NOT NULL THEN o.next_load_date END
                    FROM unnest(p_keys, p_names, p_types, p_timestamps, p_units, p_load_dates, p_hash_diffs, p_statuses,
                        p_durations, p_users, p_addresses, p_objects, p_sql_commands, p_error_messages, p_metadata, p_sources,
                        v_numbers[: v_count], p_next_units, p_next_load_dates) AS o (hk, name, type, started, unit, load_date,
                        hash_diff, status, duration, login, address, objects, sql_command, error_message, metadata, source,
                        number, next_unit, next_load_date)
                    UNION ALL
                    SELECT n.*, NULL::timestamptz
                    FROM unnest(p_keys, p_names, p_types, p_timestamps, p_next_units, p_next_load_dates, p_next_hash_diffs,
                        p_next_statuses, p_next_durations, p_next_users, p_next_addresses, p_next_objects, p_next_sql_commands,
                        p_next_error_messages, p_next_metadata, p_next_sources, v_numbers[v_count + 1 :]) AS n
                ) AS u (hk, name, type, started, unit, load_date, hash_diff, status, duration, login, address, objects_text,
                    sql_command, error_message, metadata_text, source, number, load_end_date)
                WHERE u.unit IS NOT NULL OFFSET 0) AS g
            WHERE g.load_date IS NOT NULL AND (g.load_end_date IS NULL OR g.load_end_date > g.load_date AND g.status = 'RUNNING')
                AND g.name <> '' AND octet_length(g.name) <= 255 AND g.type NOT IN ('', 'OVERALL') AND octet_length(g.type) <= 50
                AND g.status IN ('RUNNING', 'COMPLETED', 'FAILED') AND (g.duration IS NULL OR g.duration >= 0)
                AND g.source IS NOT NULL AND greatest(octet_length(g.source), octet_length(g.login)) <= 100
                AND (g.metadata IS NULL OR jsonb_typeof(g.metadata) = 'object' AND (octet_length(g.metadata_text) < 258
                    OR length(g.metadata_text) - length(translate(g.metadata_text, '{[', '')) <= 128))
                AND (g.objects IS NULL OR array_upper(g.objects, 2) IS NULL AND cardinality(g.objects) <= 10000)
                AND coalesce(greatest(octet_length(g.sql_command), octet_length(g.error_message), octet_length(g.metadata_text),
                    octet_length(g.objects_text)), 0) <= 1048576
                AND g.hash_diff = sha256(convert_to(jsonb_build_array('v1', g.name, g.type, g.status,
                    (extract(epoch FROM g.started) * 1000000)::bigint, g.duration, g.login, host(g.address), to_jsonb(g.objects),
                    g.sql_command, g.error_message, g.metadata)::text, 'UTF8'));
            GET DIAGNOSTICS v_done = ROW_COUNT;
        END IF;
        IF v_done <> v_versions THEN
            RAISE EXCEPTION USING ERRCODE = 'OL001', MESSAGE = 'not as a whole';
        END IF;
    EXCEPTION
        WHEN unique_violation OR SQLSTATE 'OL001' THEN
            v_numbers := NULL;
    END;
    IF v_numbers IS NOT NULL THEN
        IF (SELECT s.value = 'on' FROM script_tracking.setting s WHERE s.name = 'audit_log') THEN
            PERFORM script_tracking.report_completion(g.hk, g.name, g.type, g.status, g.duration)
            FROM (SELECT * FROM unnest(p_keys, p_names, p_types, p_statuses, p_durations)
                UNION ALL SELECT * FROM unnest(p_keys, p_names, p_types, p_next_statuses, p_next_durations))
                AS g (hk, name, type, status, duration)
            WHERE g.status <> 'RUNNING';
        END IF;
        IF random() < 0.0001 * v_starts THEN
            PERFORM script_tracking.fold_operation_count(p_tenant_hk);
        END IF;
        RETURN QUERY SELECT g.place::integer, 'done', NULL::bigint, v_xid, g.number, NULL::bytea
        FROM (SELECT o.place, o.number FROM unnest(v_numbers[: v_count]) WITH ORDINALITY AS o (number, place)
            UNION ALL
            SELECT v_count + n.place, n.number
            FROM unnest(v_numbers[v_count + 1 :], p_next_units) WITH ORDINALITY AS n (number, unit, place)
            WHERE n.unit IS NOT NULL) AS g;
        RETURN;
    END IF;
    FOR v_place IN 1 .. v_count LOOP
        SELECT v_place, o.outcome, o.epoch, o.log_xid, o.version_number, o.theirs
        INTO place, outcome, epoch, log_xid, version_number, theirs
        FROM script_tracking.store_commit_one(p_tenant_hk, p_keys[v_place], p_business_keys[v_place], p_hub_load_dates[v_place],
            p_hub_sources[v_place], p_expect_load_dates[v_place], p_expect_hash_diffs[v_place], p_names[v_place], p_types[v_place],
            p_timestamps[v_place], p_units[v_place], p_load_dates[v_place], p_hash_diffs[v_place], p_statuses[v_place],
            p_durations[v_place], p_users[v_place], p_addresses[v_place], p_objects[v_place], p_sql_commands[v_place],
            p_error_messages[v_place], p_metadata[v_place], p_sources[v_place]) o;
        RETURN NEXT;
        CONTINUE WHEN p_next_units[v_place] IS NULL;
        SELECT v_count + v_place, o.outcome, o.epoch, o.log_xid, o.version_number, o.theirs
        INTO place, outcome, epoch, log_xid, version_number, theirs
        FROM script_tracking.store_commit_one(p_tenant_hk, p_keys[v_place], NULL, NULL, NULL, p_load_dates[v_place],
            p_hash_diffs[v_place], p_names[v_place], p_types[v_place], p_timestamps[v_place], p_next_units[v_place],
            p_next_load_dates[v_place], p_next_hash_diffs[v_place], p_next_statuses[v_place], p_next_durations[v_place],
            p_next_users[v_place], p_next_addresses[v_place], p_next_objects[v_place], p_next_sql_commands[v_place],
            p_next_error_messages[v_place], p_next_metadata[v_place], p_next_sources[v_place]) o;
        RETURN NEXT;
    END LOOP;
END
$$;

CALL script_tracking.allow('script_tracking.store_commit(bytea, bytea[], text[], timestamptz[], text[], timestamptz[], bytea[], '
    'text[], text[], timestamptz[], uuid[], timestamptz[], bytea[], text[], integer[], text[], inet[], text[], text[], text[], text[], '
    'text[], uuid[], timestamptz[], bytea[], text[], integer[], text[], inet[], text[], text[], text[], text[], text[])',
    'script_tracking_writer');
