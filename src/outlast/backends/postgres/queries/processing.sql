SELECT queue, count(*) AS sessions
FROM analysis_sessions
WHERE status = 'processing'
GROUP BY queue
ORDER BY queue
