-- Each version with its hub, for the functions that a store calls; nobody is granted it.
CREATE OR REPLACE VIEW script_tracking.store_version AS
SELECT s.script_execution_hk, h.script_execution_bk::text, h.tenant_hk AS hub_tenant_hk, h.load_date AS hub_load_date,
    h.record_source::text AS hub_record_source, s.load_date, s.load_end_date, s.hash_diff, s.script_name::text,
    s.script_type::text, s.execution_status::text, s.execution_timestamp, s.execution_duration_ms, s.db_session_user::text,
    s.client_ip, s.affected_objects, s.sql_command, s.error_message, s.metadata::text AS metadata,
    s.record_source::text AS record_source, s.tenant_hk,
    (SELECT max(e.epoch) FROM script_tracking.log_epoch e WHERE e.after_version < s.version_number) AS epoch,
    s.log_xid, s.version_number, s.unit_id
FROM script_tracking.script_execution_s s
LEFT JOIN script_tracking.script_execution_h h ON h.script_execution_hk = s.script_execution_hk;
