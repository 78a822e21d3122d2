-- A login may know its own binding (the tenant policies ask for it), and only admins those of others. The owner, which
-- is our functions, sees all: what decides must not ask itself.
CALL script_tracking.put_policy('script_tracking.login_binding', 'own', 'SELECT', 'login = session_user');
CALL script_tracking.put_policy('script_tracking.login_binding', 'admin', 'SELECT', 'true', 'script_tracking_admin');
CALL script_tracking.put_policy('script_tracking.login_binding', 'owner', 'ALL', 'true', current_user::text);
