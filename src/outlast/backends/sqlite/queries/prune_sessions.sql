DELETE FROM analysis_sessions WHERE rowid IN ({prunable_sessions} ORDER BY completed_at LIMIT :batch + 0)
RETURNING 1 AS counts, completed_at
