-- The turn of the newest waiting session of this owner, queue and priority, among the owner's newest sessions.
SELECT max(turn_at) FROM (
    SELECT turn_at, status, ready, available_at, queue, priority FROM analysis_sessions INDEXED BY sessions_by_owner
    WHERE user_session = (SELECT :owner)
    ORDER BY created_at DESC
    LIMIT 4
)
WHERE
    status = 'pending' AND (ready > 0 OR available_at <= (SELECT :now))
    AND queue = (SELECT :queue) AND priority = (SELECT :priority)
