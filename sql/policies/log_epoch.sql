-- No tenant's: everyone may know it. Functions of the owner write.
CALL script_tracking.put_policy('script_tracking.log_epoch', 'everyone', 'ALL', 'true');
