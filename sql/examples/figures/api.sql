SELECT script_tracking.track_operation('Nightly backup of things', 'BACKUP') AS hk \gset
SELECT script_tracking.complete_operation(:hk);
