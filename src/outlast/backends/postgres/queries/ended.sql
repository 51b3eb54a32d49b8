SELECT date_trunc('hour', completed_at, 'UTC') AS hour, status, count(*) AS sessions
FROM analysis_sessions
WHERE completed_at >= %(since)s AND completed_at < %(until)s
GROUP BY hour, status
ORDER BY hour, status
