-- Switches the recording of DDL off or on, for a login or for the objects of a schema. The change is recorded by a trigger.
CREATE OR REPLACE FUNCTION script_tracking.set_capture(p_kind text, p_name name, p_captured boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_kind IS NULL OR p_name IS NULL OR p_captured IS NULL THEN
        RAISE EXCEPTION 'p_kind, p_name and p_captured must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF p_kind NOT IN ('role', 'schema') THEN
        RAISE EXCEPTION 'p_kind must be role or schema, not %', quote_literal(p_kind)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF p_kind = 'role' AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = p_name) THEN
        RAISE EXCEPTION 'there is no role %', quote_ident(p_name) USING ERRCODE = 'undefined_object';
    END IF;
    INSERT INTO script_tracking.capture_rule AS r (kind, name, captured) VALUES (p_kind, p_name, p_captured)
    ON CONFLICT (kind, name) DO UPDATE SET captured = excluded.captured WHERE r.captured <> excluded.captured;
END
$$;

CALL script_tracking.allow('script_tracking.set_capture(text, name, boolean)', 'script_tracking_admin');
