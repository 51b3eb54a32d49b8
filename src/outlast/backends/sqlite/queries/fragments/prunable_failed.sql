SELECT rowid FROM analysis_sessions INDEXED BY sessions_failed_by_end
WHERE status = 'failed' AND completed_at < :before
