-- Written whoever's DDL it is; only admins are granted SELECT.
CALL script_tracking.put_policy('script_tracking.ddl_running', 'everyone', 'ALL', 'true');
