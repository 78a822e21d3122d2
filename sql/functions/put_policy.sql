-- Creates a policy, or changes it in place: CREATE OR REPLACE POLICY does not exist.
CREATE OR REPLACE PROCEDURE script_tracking.put_policy(p_table regclass, p_name name, p_command text, p_rows text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_rule text := format('USING (%s)', p_rows) || CASE p_command WHEN 'ALL' THEN format(' WITH CHECK (%s)', p_rows) ELSE '' END;
BEGIN
    IF EXISTS (SELECT FROM pg_policy WHERE polrelid = p_table AND polname = p_name) THEN
        EXECUTE format('ALTER POLICY %I ON %s %s', p_name, p_table, v_rule);
    ELSE
        EXECUTE format('CREATE POLICY %I ON %s FOR %s TO PUBLIC %s', p_name, p_table, p_command, v_rule);
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.put_policy(regclass, name, text, text)');
