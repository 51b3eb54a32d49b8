SELECT status, count(*) FROM analysis_sessions GROUP BY status
