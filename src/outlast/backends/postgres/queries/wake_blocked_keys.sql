-- So that whatever waits for a key does not depend on one wake-up.
INSERT INTO limit_keys (key, waiting, wake_at)
SELECT DISTINCT s.waits_for, 1, clock_timestamp() FROM analysis_sessions AS s WHERE s.status = 'pending' AND s.ready = 4
ON CONFLICT (key) DO UPDATE SET waiting = 1, wake_at = excluded.wake_at
