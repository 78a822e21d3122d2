-- A login may know its own binding, and only admins those of others.
CALL script_tracking.put_policy('script_tracking.login_binding', 'own', 'SELECT', 'login = session_user');
CALL script_tracking.put_policy('script_tracking.login_binding', 'admin', 'ALL', '(SELECT script_tracking.session_is_admin())');
