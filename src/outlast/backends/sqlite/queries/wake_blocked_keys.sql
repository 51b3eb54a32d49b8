-- So that whatever waits for a key does not depend on one wake-up.
INSERT INTO limit_keys (key, waiting, wake_at)
SELECT DISTINCT waits_for, 1, :now FROM analysis_sessions INDEXED BY sessions_blocked
WHERE status = 'pending' AND ready = 4
ON CONFLICT (key) DO UPDATE SET waiting = 1, wake_at = excluded.wake_at
