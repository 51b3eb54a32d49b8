SELECT id FROM analysis_sessions
WHERE completed_at < %(before)s AND status IN ('completed', 'failed', 'cancelled')
