DELETE FROM results WHERE rowid IN ({prunable_results} LIMIT :batch + 0) RETURNING 1 AS counts
