DELETE FROM analysis_sessions WHERE rowid IN ({prunable_sessions} LIMIT :batch + 0) RETURNING 1 AS counts
