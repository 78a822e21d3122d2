-- Refuses those who may not see or replace passwords' hashes: all but admins, unless the setting says that a tenant's logins
-- may, as agents do that carry users over.
CREATE OR REPLACE FUNCTION script_tracking.check_credential_rights() RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF script_tracking.session_is_admin() THEN
        RETURN;
    END IF;
    IF script_tracking.get_setting('carry_credentials') IS DISTINCT FROM 'on'
       OR NOT coalesce(pg_has_role(session_user, to_regrole('script_tracking_writer')::oid, 'MEMBER'), false) THEN
        RAISE EXCEPTION 'login % may not read credentials, nor replace one', quote_ident(session_user)
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'Let an administrator set carry_credentials to on: then writers may, of their own tenant.';
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.check_credential_rights()');
