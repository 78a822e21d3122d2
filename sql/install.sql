-- Installs Opledger's SQL API, or brings it up to date: psql -f sql/install.sql
-- The only manifest: order matters, conditions live in the files.
\set ON_ERROR_STOP on
BEGIN;
\ir privileges/prepare.sql
\ir privileges/roles.sql
\ir privileges/pgcrypto.sql
\ir privileges/schemas.sql
\ir privileges/become_owner.sql
\ir functions/allow.sql
\ir functions/allow_table.sql
\ir functions/put_policy.sql
\ir functions/put_tenant_policy.sql

\ir functions/session_is_admin.sql
\ir functions/session_tenant.sql
\ir functions/session_scope.sql
\ir functions/current_load_date.sql
\ir functions/hash_binary.sql

\ir tables/schema_version.sql
\ir tables/installed_file.sql
\ir tables/login_binding.sql
\ir tables/setting.sql
\ir tables/setting_change.sql
\ir tables/version_sequence.sql
\ir tables/script_execution_h.sql
\ir tables/script_execution_s.sql

\ir policies/schema_version.sql
\ir policies/installed_file.sql
\ir policies/login_binding.sql
\ir policies/setting.sql
\ir policies/setting_change.sql
\ir policies/script_execution_h.sql
\ir policies/script_execution_s.sql
\ir migrations/001_first.sql

\ir functions/record_setting_change.sql
\ir triggers/setting_record_change.sql
\ir triggers/login_binding_record_change.sql
\ir tables/setting_rows.sql

\ir functions/get_setting.sql
\ir functions/set_setting.sql
\ir functions/bind_login.sql
\ir functions/trust_login.sql
\ir functions/unbind_login.sql
\ir functions/calculate_hash_key.sql
\ir functions/calculate_hash_diff.sql

\ir checksums.sql
\ir privileges/become_installer.sql
\ir privileges/finish.sql
COMMIT;
