-- Installs Opledger's SQL API, or brings it up to date: psql -f sql/install.sql
-- The only manifest: order matters, conditions live in the files.
\set ON_ERROR_STOP on
BEGIN;
\ir privileges/prepare.sql
\ir privileges/roles.sql
\ir privileges/pgcrypto.sql
\ir privileges/schemas.sql
\ir privileges/pgcrypto_usage.sql
\ir privileges/become_owner.sql
\ir functions/allow.sql
\ir functions/allow_table.sql
\ir functions/put_policy.sql
\ir functions/put_tenant_policy.sql
\ir functions/put_writer_policy.sql

\ir functions/session_is_admin.sql
\ir functions/chosen_tenant.sql
\ir functions/session_tenant.sql
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
\ir tables/idempotency_key.sql
\ir tables/audit_event.sql
\ir tables/tenant_h.sql
\ir tables/tenant_s.sql
\ir tables/user_h.sql
\ir tables/user_s.sql
\ir tables/credential_s.sql
\ir tables/session_h.sql
\ir tables/session_s.sql
\ir tables/login_attempt.sql

\ir policies/schema_version.sql
\ir policies/installed_file.sql
\ir policies/login_binding.sql
\ir policies/setting.sql
\ir policies/setting_change.sql
\ir policies/script_execution_h.sql
\ir policies/script_execution_s.sql
\ir policies/idempotency_key.sql
\ir policies/tenant_h.sql
\ir policies/tenant_s.sql
\ir policies/user_h.sql
\ir policies/user_s.sql
\ir policies/credential_s.sql
\ir policies/session_h.sql
\ir policies/session_s.sql
\ir policies/login_attempt.sql
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
\ir functions/hash_attributes.sql
\ir functions/calculate_hash_diff.sql

\ir functions/business_key.sql
\ir functions/generate_unique_script_name.sql
\ir functions/milliseconds.sql
\ir functions/check_name.sql
\ir functions/check_text.sql
\ir functions/check_objects.sql
\ir functions/check_metadata.sql
\ir functions/add_objects.sql
\ir functions/log_audit_event.sql
\ir functions/write_start.sql
\ir functions/write_next.sql
\ir functions/write_finished.sql
\ir functions/claim_key.sql
\ir functions/track_operation.sql
\ir functions/start_operation.sql
\ir functions/report_completion.sql
\ir functions/complete_operation.sql
\ir functions/annotate_operation.sql
\ir functions/record_operation.sql
\ir functions/check_place_count.sql
\ir functions/record_operations.sql

\ir functions/utc_text.sql
\ir functions/error_response.sql
\ir functions/success_response.sql
\ir functions/hash_texts.sql
\ir functions/user_business_key.sql
\ir functions/calculate_user_key.sql
\ir functions/pgcrypto_schema.sql
\ir functions/bcrypt.sql
\ir functions/bcrypt_dummy.sql
\ir functions/check_password.sql
\ir functions/check_password_length.sql
\ir functions/check_new_password.sql
\ir functions/check_email.sql
\ir functions/check_login.sql
\ir functions/check_user_data.sql
\ir functions/choose_tenant.sql
\ir functions/record_authentication.sql
\ir functions/register_tenant.sql
\ir functions/write_credential.sql
\ir functions/add_user.sql
\ir functions/register_user.sql
\ir functions/open_session.sql
\ir functions/attempt_login.sql
\ir functions/login_user.sql
\ir functions/site_function.sql
\ir functions/wrap_site_function.sql
\ir functions/login_user_tracking.sql
\ir functions/register_user_tracking.sql
\ir functions/validate_session_tracking.sql
\ir functions/revoke_session_tracking.sql

\ir checksums.sql
\ir privileges/become_installer.sql
\ir privileges/finish.sql
COMMIT;
