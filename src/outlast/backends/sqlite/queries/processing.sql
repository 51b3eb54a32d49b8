SELECT queue, count(*) AS sessions
FROM analysis_sessions INDEXED BY sessions_held
WHERE status = 'processing'
GROUP BY queue
ORDER BY queue
