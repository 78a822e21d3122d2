-- Refuses affected objects past a limit. hash_diff takes one dimension only.
CREATE OR REPLACE FUNCTION script_tracking.check_objects(p_affected_objects text[]) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_bytes bigint;
BEGIN
    IF array_ndims(p_affected_objects) > 1 THEN
        RAISE EXCEPTION 'p_affected_objects has % dimensions; the limit is 1', array_ndims(p_affected_objects)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF cardinality(p_affected_objects) > 10000 THEN
        RAISE EXCEPTION 'p_affected_objects has % entries; the limit is 10000', cardinality(p_affected_objects)
            USING ERRCODE = 'string_data_right_truncation';
    END IF;
    v_bytes := (SELECT sum(octet_length(object)) FROM unnest(p_affected_objects) AS given (object));
    IF v_bytes > 1048576 THEN
        RAISE EXCEPTION 'p_affected_objects is % bytes long; the limit is 1048576', v_bytes
            USING ERRCODE = 'string_data_right_truncation';
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.check_objects(text[])');
