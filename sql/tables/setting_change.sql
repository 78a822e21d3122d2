-- Every change to settings and bindings, by whoever made it.
CREATE TABLE IF NOT EXISTS script_tracking.setting_change (
    change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_by name NOT NULL DEFAULT session_user,
    table_name text NOT NULL,
    old_row jsonb,
    new_row jsonb
);
ALTER TABLE script_tracking.setting_change ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.setting_change', 'script_tracking_admin');
