-- No tenant's: everyone may know it. Nobody is granted more than SELECT; an install writes as the owner.
CALL script_tracking.put_policy('script_tracking.installed_file', 'everyone', 'ALL', 'true');
