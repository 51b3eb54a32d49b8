SELECT id FROM analysis_sessions
WHERE completed_at < %(before)s AND completed_at >= %(begin)s AND status IN ('completed', 'cancelled')
