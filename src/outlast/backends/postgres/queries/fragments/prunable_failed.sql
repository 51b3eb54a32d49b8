SELECT id FROM analysis_sessions
WHERE status = 'failed' AND completed_at < %(before)s
