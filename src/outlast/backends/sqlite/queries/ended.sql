SELECT substr(completed_at, 1, 13) || ':00:00.000000' AS hour, status, count(*) AS sessions
FROM analysis_sessions INDEXED BY sessions_by_end
WHERE completed_at >= :since AND completed_at < :until
GROUP BY hour, status
ORDER BY hour, status
