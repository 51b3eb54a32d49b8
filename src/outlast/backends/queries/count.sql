SELECT status, count(*) AS sessions FROM analysis_sessions GROUP BY status
