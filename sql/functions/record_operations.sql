-- Records many operations that have ended, in one call and one transaction: one row a place in the arrays. A NULL array
-- means the default everywhere. A conflict of one key fails that one only; bad input fails the call, and says where.
CREATE OR REPLACE FUNCTION script_tracking.record_operations(
    p_script_names text[], p_script_types text[] DEFAULT NULL, p_execution_timestamps timestamptz[] DEFAULT NULL,
    p_durations_ms integer[] DEFAULT NULL, p_success boolean[] DEFAULT NULL, p_error_messages text[] DEFAULT NULL,
    p_metadata jsonb[] DEFAULT NULL, p_idempotency_keys text[] DEFAULT NULL)
RETURNS TABLE (place integer, script_execution_hk bytea, conflict text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_count integer := cardinality(p_script_names);
BEGIN
    IF p_script_names IS NULL THEN
        RAISE EXCEPTION 'p_script_names must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    PERFORM script_tracking.check_place_count(v_count, 'p_script_types', cardinality(p_script_types)),
            script_tracking.check_place_count(v_count, 'p_execution_timestamps', cardinality(p_execution_timestamps)),
            script_tracking.check_place_count(v_count, 'p_durations_ms', cardinality(p_durations_ms)),
            script_tracking.check_place_count(v_count, 'p_success', cardinality(p_success)),
            script_tracking.check_place_count(v_count, 'p_error_messages', cardinality(p_error_messages)),
            script_tracking.check_place_count(v_count, 'p_metadata', cardinality(p_metadata)),
            script_tracking.check_place_count(v_count, 'p_idempotency_keys', cardinality(p_idempotency_keys));
    FOR v_place IN 1 .. v_count LOOP
        place := v_place;
        conflict := NULL;
        IF p_idempotency_keys[v_place] IS NULL THEN
            script_execution_hk := script_tracking.record_operation(p_script_names[v_place],
                coalesce(p_script_types[v_place], 'MANUAL'), p_execution_timestamps[v_place], p_durations_ms[v_place],
                coalesce(p_success[v_place], true), p_error_messages[v_place], NULL, NULL, p_metadata[v_place]);
        ELSE
            BEGIN
                script_execution_hk := script_tracking.record_operation(p_script_names[v_place],
                    coalesce(p_script_types[v_place], 'MANUAL'), p_execution_timestamps[v_place], p_durations_ms[v_place],
                    coalesce(p_success[v_place], true), p_error_messages[v_place], NULL, NULL, p_metadata[v_place],
                    p_idempotency_keys[v_place]);
            EXCEPTION
                WHEN unique_violation THEN
                    script_execution_hk := NULL;
                    conflict := SQLERRM;
            END;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;

CALL script_tracking.allow('script_tracking.record_operations(text[], text[], timestamptz[], integer[], boolean[], text[], '
    'jsonb[], text[])', 'script_tracking_writer');
