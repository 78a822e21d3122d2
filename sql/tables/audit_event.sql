-- Where our util.log_audit_event writes. A site with a function of that name keeps its own, and needs no table.
DO $do$
BEGIN
    IF to_regclass('util.audit_event') IS NULL AND to_regprocedure('util.log_audit_event(text, text, text, text, jsonb)') IS NULL THEN
        CREATE TABLE util.audit_event (
            audit_event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            event_time timestamptz NOT NULL DEFAULT clock_timestamp(),
            event_type text NOT NULL,
            resource_type text NOT NULL,
            resource_id text,
            actor text NOT NULL,
            event_details jsonb,
            tenant_hk bytea
        );
        COMMENT ON TABLE util.audit_event IS 'Part of Opledger.';
        ALTER TABLE util.audit_event ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
        CALL script_tracking.put_tenant_policy('util.audit_event');
        CALL script_tracking.allow_table('util.audit_event', 'script_tracking_admin');
    END IF;
END
$do$;
