-- Writes util.audit_event; called after each completion when the setting audit_log is on. A site keeps its own.
DO $do$
BEGIN
    IF to_regprocedure('util.log_audit_event(text, text, text, text, jsonb)') IS NULL
       OR obj_description(to_regprocedure('util.log_audit_event(text, text, text, text, jsonb)'), 'pg_proc') = 'Part of Opledger.'
    THEN
        CREATE OR REPLACE FUNCTION util.log_audit_event(
            p_event_type text, p_resource_type text, p_resource_id text, p_actor text, p_event_details jsonb)
        RETURNS void
        LANGUAGE plpgsql SECURITY DEFINER
        SET search_path = pg_catalog, pg_temp
        AS $$
        BEGIN
            INSERT INTO util.audit_event (event_type, resource_type, resource_id, actor, event_details, tenant_hk)
            VALUES (p_event_type, p_resource_type, p_resource_id, p_actor, p_event_details, script_tracking.session_tenant());
        END
        $$;

        -- To nobody: whoever could call it could write any actor.
        CALL script_tracking.allow('util.log_audit_event(text, text, text, text, jsonb)');
    END IF;
END
$do$;
