SELECT rowid FROM analysis_sessions INDEXED BY sessions_by_end
WHERE completed_at < :before AND completed_at >= :begin AND status IN ('completed', 'cancelled')
