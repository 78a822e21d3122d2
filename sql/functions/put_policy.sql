-- Creates a policy, or changes it in place: CREATE OR REPLACE POLICY does not exist. Nothing for a role that is not there.
CREATE OR REPLACE PROCEDURE script_tracking.put_policy(
    p_table regclass, p_name name, p_command text, p_rows text, p_role text DEFAULT 'public', p_new_rows text DEFAULT NULL)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_rule text := format('USING (%s)', p_rows)
        || CASE p_command WHEN 'ALL' THEN format(' WITH CHECK (%s)', coalesce(p_new_rows, p_rows)) ELSE '' END;
BEGIN
    IF p_role <> 'public' AND to_regrole(p_role) IS NULL THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM pg_policy WHERE polrelid = p_table AND polname = p_name) THEN
        EXECUTE format('ALTER POLICY %I ON %s %s', p_name, p_table, v_rule);
    ELSE
        EXECUTE format('CREATE POLICY %I ON %s FOR %s TO %s %s', p_name, p_table, p_command,
            CASE p_role WHEN 'public' THEN 'PUBLIC' ELSE quote_ident(p_role) END, v_rule);
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.put_policy(regclass, name, text, text, text, text)');
