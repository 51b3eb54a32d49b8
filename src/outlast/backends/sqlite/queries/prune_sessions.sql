DELETE FROM analysis_sessions WHERE rowid IN ({prunable_sessions} LIMIT :batch) RETURNING 1
