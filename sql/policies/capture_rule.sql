-- No tenant's: everyone may know it. Nobody is granted more than SELECT; set_capture is for admins.
CALL script_tracking.put_policy('script_tracking.capture_rule', 'everyone', 'ALL', 'true');
