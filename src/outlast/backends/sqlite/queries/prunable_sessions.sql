SELECT rowid FROM analysis_sessions
WHERE completed_at < :before AND status IN ('completed', 'failed', 'cancelled')
