-- The objects that this transaction's DDL made, changed or dropped since p_since, as the event triggers recorded it.
-- NULL when that can't be known: the triggers are not there, or capture is off for this login or session.
CREATE OR REPLACE FUNCTION script_tracking.migrated_objects(p_since timestamptz) RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_hk bytea := script_tracking.session_tenant();
    -- The triggers keep a time as a float, which rounds it.
    v_since timestamptz := p_since - interval '1 microsecond';
BEGIN
    IF (SELECT count(*) FROM pg_event_trigger
        WHERE evtname IN ('et_ddl_command_start', 'et_ddl_command_end', 'et_sql_drop') AND evtenabled IN ('A', 'O')) < 3
       OR EXISTS (SELECT FROM script_tracking.capture_rule WHERE kind = 'role' AND name = session_user AND NOT captured)
       OR script_tracking.capture_is_off() THEN
        RETURN NULL;
    END IF;
    -- Two branches, because an index finds a key or NULL, not either.
    RETURN (SELECT coalesce(array_agg(DISTINCT o.name ORDER BY o.name), '{}') FROM (
        SELECT affected_objects, script_type, log_xid FROM script_tracking.script_execution_s
        WHERE tenant_hk = v_tenant_hk AND execution_timestamp >= v_since AND execution_status <> 'RUNNING'
        UNION ALL
        SELECT affected_objects, script_type, log_xid FROM script_tracking.script_execution_s
        WHERE tenant_hk IS NULL AND v_tenant_hk IS NULL AND execution_timestamp >= v_since AND execution_status <> 'RUNNING'
    ) AS s CROSS JOIN LATERAL unnest(s.affected_objects) AS o (name)
    -- A GRANT has an object without a name: to what is not told.
    WHERE s.script_type = 'DDL_AUTO' AND s.log_xid = pg_current_xact_id() AND o.name IS NOT NULL);
END
$$;

CALL script_tracking.allow('script_tracking.migrated_objects(timestamptz)');
