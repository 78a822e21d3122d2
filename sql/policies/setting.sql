-- No tenant's: everyone may know it. Nobody is granted more than SELECT; set_setting is for admins.
CALL script_tracking.put_policy('script_tracking.setting', 'everyone', 'ALL', 'true');
