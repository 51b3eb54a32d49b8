DELETE FROM analysis_sessions WHERE rowid IN ({prunable_failed} LIMIT :batch + 0) RETURNING 1 AS counts
