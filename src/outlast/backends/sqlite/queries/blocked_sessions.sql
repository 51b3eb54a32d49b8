-- What waits for this key, the first ones.
SELECT id, limits, turn_at, available_at, rowid AS number, crashes, waits_for
FROM analysis_sessions INDEXED BY sessions_blocked
WHERE waits_for = (SELECT :key) AND status = 'pending' AND ready = 4
ORDER BY turn_at, available_at
LIMIT :limit + 0
