DELETE FROM results WHERE rowid IN ({prunable_results} LIMIT :batch) RETURNING 1
