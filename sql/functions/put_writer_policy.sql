-- Lets the owner, who installs, write rows of hub and satellite unasked: only our functions are the owner, they take tenant_hk from
-- the login, and asking the tenant policy for every new row costs a sixth of the pairs. What it may see stays decided there.
CREATE OR REPLACE PROCEDURE script_tracking.put_writer_policy(p_table regclass)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    CALL script_tracking.put_policy(p_table, 'writer', 'ALL', 'false', current_user::text, 'true');
END
$$;

CALL script_tracking.allow('script_tracking.put_writer_policy(regclass)');
