-- Tenants, users and credentials as a store's documents: the versions, with a body of what the satellites' columns hold. For
-- functions of the owner only: password_hash is in it.
CREATE OR REPLACE VIEW script_tracking.user_document AS
SELECT d.kind, d.document_hk, d.tenant_hk, d.load_date, d.load_end_date, sha256(convert_to(d.body::text, 'UTF8')) AS hash_diff,
    d.body, d.record_source
FROM (SELECT 'tenant'::text AS kind, t.tenant_hk AS document_hk, t.tenant_hk, t.load_date, t.load_end_date,
          jsonb_build_object('tenant_id', t.tenant_id, 'registered_by', t.registered_by) AS body, t.record_source
      FROM script_tracking.tenant_s t
      UNION ALL
      SELECT 'user', u.user_hk, u.tenant_hk, u.load_date, u.load_end_date, jsonb_build_object('email', u.email), u.record_source
      FROM script_tracking.user_s u
      UNION ALL
      SELECT 'credential', c.user_hk, c.tenant_hk, c.load_date, c.load_end_date,
          jsonb_build_object('password_hash', c.password_hash), c.record_source
      FROM script_tracking.credential_s c) AS d;
