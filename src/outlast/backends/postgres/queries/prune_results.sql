DELETE FROM results WHERE session_id = ANY(ARRAY({prunable_results} LIMIT %(batch)s)) RETURNING 1 AS counts
